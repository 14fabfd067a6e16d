//! What may clients ask for, and who must they be, before anything else is looked at?

/// Limits of clients that are off unless they are configured.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Limits {
    /// Schemes of which a client must have proven one before its requests are looked at; if empty, none
    /// (`enforce.auth.schemes`).
    pub required_schemes: Vec<String>,
    /// Requests that are large, and what all of them may have; `None`: no request is.
    pub large_requests: Option<LargeRequests>,
    /// How many requests are taken in before earlier ones are answered; `None`: all.
    pub throttle: Option<Throttle>,
    /// How many handshakes are taken; `None`: all.
    pub handshakes: Option<Handshakes>,
}

/// Large requests.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct LargeRequests {
    /// A request of more bytes is large (`largeRequestThreshold`).
    pub threshold_bytes: usize,
    /// Bytes that all large requests together may have that are not answered yet (`largeRequestMaxBytes`).
    pub bytes_max: usize,
}

/// Requests that wait before they are looked at.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Throttle {
    /// Requests that may be on their way to an answer (`request_throttle_max_requests`).
    pub requests_max: usize,
    /// One that has waited for longer is answered with an error, in ms; 0: never (`throttled_op_wait_time`).
    pub wait_ms: u64,
}

/// A bucket of tokens for handshakes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Handshakes {
    /// How many tokens it holds (`connection_throttle_tokens`).
    pub tokens_max: u32,
    /// So many come back in each of these times, in ms (`connection_throttle_fill_time`, `_fill_count`).
    pub fill_ms: u64,
    /// How many.
    pub fill_count: u32,
    /// What a handshake costs.
    pub costs: Costs,
}

/// What a handshake costs, in tokens.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Costs {
    /// A new session of the ensemble.
    pub global: u32,
    /// A new session of this server alone.
    pub local: u32,
    /// A session that comes back.
    pub renewed: u32,
}

impl Costs {
    /// All cost the same.
    pub const EVEN: Costs = Costs {
        global: 1,
        local: 1,
        renewed: 1,
    };

    /// As they are configured: none costs less than a local session.
    pub(super) fn weighed(global: Option<u32>, local: Option<u32>, renewed: Option<u32>) -> Self {
        let or = |cost: Option<u32>, default| cost.filter(|&cost| cost > 0).unwrap_or(default);
        let local = or(local, 1);
        Self {
            global: or(global, 3).max(local),
            local,
            renewed: or(renewed, 2).max(local),
        }
    }
}
