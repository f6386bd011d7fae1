"""The name of `schema_invariants` and its method."""

from ..base.check import Method

NAME = "schema_invariants"


METHOD = Method(
    sure="Each rule is an exact definition, not an estimate.",
    how=(
        "Records are read strictly. A record that was lost, or was readable only after repair, is reported with its "
        "line.",
        "Each tree is checked as a whole: parents, roots, cycles, alternating roles, ranks, labels, dates and states, "
        "and also calls of tools with their declarations and results, reasoning, and preference pairs.",
        "Ids and parents are then compared across all trees of all files.",
        "A date is in the future if it is years after the newest of the other dates. The clock of the machine is not "
        "used.",
        "Data are checked only against what their format promises: without roles in the format, roles are not checked.",
    ),
    blind=(
        "The check covers form, not content: a label or a rank may be in range and still be wrong.",
        "Fields that the format does not know are ignored.",
        "Calls without ids are only reported if no result follows at all; results within the text of a prompt are not "
        "recognised.",
        "A parent that was filtered out on purpose looks like a lost one. The setting filtered_export declares it.",
        "If many messages have late dates, they are taken for a later collection and not reported. An error that "
        "shifts all dates by the same time is not detected.",
        "Where a file cannot be read to its end, the part after the failure is not checked. record.json names it.",
    ),
    measured=("No error rate is stated: a finding shows the fault itself, so it can be verified in the data.",),
    sources=(
        "Köpf et al. (2023), OpenAssistant Conversations: democratizing large language model alignment, "
        "arXiv:2304.07327.",
        "The data set card of OASST1, https://huggingface.co/datasets/OpenAssistant/oasst1.",
        "BCP 47 (RFC 5646), Tags for identifying languages, with the registry of IANA.",
        "ISO 8601, for dates and times.",
    ),
)
