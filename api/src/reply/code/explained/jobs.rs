//! Jobs and the fleet.

use super::{Section, entry};
use crate::reply::Code;

pub(super) const SECTION: Section = Section {
    en: "Jobs",
    de: "Jobs",
    entries: &[
        entry(
            Code::JobKeyTaken,
            "The job ended, and another one is live under its unique key (`details.job_id`): a retry would run beside it.",
            "Wait for that job, or cancel it first.",
            "Der Job ist beendet, und unter seinem eindeutigen Schlüssel läuft oder wartet ein anderer (`details.job_id`): eine Wiederholung liefe daneben.",
            "Auf jenen Job warten oder ihn zuerst abbrechen.",
        ),
        entry(
            Code::JobState,
            "The job's state (`details.state`) does not allow it: a completed job is not retried, a discarded one not cancelled. Owners: only a failed step; one that was set aside after crashes is for the operators.",
            "Read the job first; which states an action fits is in the OpenAPI document.",
            "Der Zustand des Jobs (`details.state`) erlaubt es nicht: ein fertiger wird nicht wiederholt, ein aufgegebener nicht abgebrochen. Eigene Schritte: nur gescheiterte; was nach Abstürzen beiseitegelegt wurde, ist Sache des Betriebs.",
            "Zuerst den Job lesen; welche Zustände zu einer Handlung passen, steht im OpenAPI-Dokument.",
        ),
        entry(
            Code::FlowTooLarge,
            "With `flow`, the job has more than 1,000 jobs (`details.limit`).",
            "`POST /admin/jobs/bulk`.",
            "Mit `flow` hat der Job mehr als 1.000 Jobs (`details.limit`).",
            "`POST /admin/jobs/bulk`.",
        ),
        entry(
            Code::NotPaused,
            "Nothing is paused under this name, or the pause has ended by itself.",
            "Nothing: it runs.",
            "Unter diesem Namen ist nichts angehalten, oder die Pause ist von selbst zu Ende gegangen.",
            "Nichts: es läuft.",
        ),
        entry(
            Code::WorkerState,
            "The worker is `draining`, `stopped` or `dead` (`details.state`).",
            "`GET /admin/jobs/workers` has those that live.",
            "Der Worker ist `draining`, `stopped` oder `dead` (`details.state`).",
            "`GET /admin/jobs/workers` nennt die lebenden.",
        ),
        entry(
            Code::ScheduleUnknownJob,
            "A scheduler of a newer release wrote the schedule down, and this build does not know its job.",
            "Ask an API of the newer release, once it runs.",
            "Ein Scheduler einer neueren Version hat den Zeitplan eingetragen, und dieser Stand kennt dessen Job nicht.",
            "Eine API der neueren Version fragen, sobald sie läuft.",
        ),
    ],
};
