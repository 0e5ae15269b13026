//! What a person's day with the tool costs, in seconds.

/// Looking at the day's list at all.
pub const OVERVIEW_SECONDS: f64 = 120.0;
/// Reading a ticket, its evidence and deciding.
pub const TICKET_SECONDS: f64 = 90.0;
/// Reading a conflict and its dissent.
pub const CONFLICT_SECONDS: f64 = 45.0;
/// Looking into an anomaly.
pub const ANOMALY_SECONDS: f64 = 120.0;
/// Passing over one decision in the day's list.
pub const DECISION_SECONDS: f64 = 6.0;

/// What a day's decision put before people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// Adjustments that waited for an approval.
    pub approvals: u32,
    /// Conflicts between agents to look at.
    pub conflicts: u32,
    /// Anomalies to look at.
    pub anomalies: u32,
}

impl Asked {
    /// Tickets in all.
    #[must_use]
    pub fn tickets(self) -> u32 {
        self.approvals + self.conflicts + self.anomalies
    }

    /// Minutes of a person for this day, if they look at everything that was done as well.
    #[must_use]
    pub fn minutes(self, decisions: usize) -> f64 {
        let seconds = OVERVIEW_SECONDS
            + TICKET_SECONDS * f64::from(self.approvals)
            + CONFLICT_SECONDS * f64::from(self.conflicts)
            + ANOMALY_SECONDS * f64::from(self.anomalies)
            + DECISION_SECONDS * decisions as f64;
        seconds / 60.0
    }
}
