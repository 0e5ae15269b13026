//! Agents as actors: a mailbox, a goal, a focus people can see. A round asks every active agent of its pool with the same view.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::actor::ActorError;
use crate::agents::AgentInput;
use crate::clock::ProductTime;
use crate::cycle::Question;
use crate::domain::ids::AgentId;
use crate::domain::policy::AgentPolicy;
use crate::domain::proposal::Proposal;

/// How a question becomes a proposal: the registry of agents' kinds, or a test's own.
pub type Mind = Arc<dyn for<'a> Fn(&AgentInput<'a>) -> Proposal + Send + Sync>;

/// An agent that has not answered after this much wall time abstains.
pub const PATIENCE: Duration = Duration::from_secs(2);

/// What an agent's actor understands.
#[derive(Debug)]
pub enum AgentMsg {
    /// Propose.
    Ask {
        /// The question.
        question: Arc<Question>,
        /// The agent as the policy of this round has it.
        policy: Box<AgentPolicy>,
        /// Where the answer goes; the asker may have left.
        reply: oneshot::Sender<Proposal>,
    },
}

/// What people see of an agent.
#[derive(Clone, Debug, Default, Serialize)]
pub struct AgentFocus {
    /// What it is looking at.
    pub focus: String,
    /// How its goal stands.
    pub progress: String,
    /// When it last answered.
    pub answered_at: Option<ProductTime>,
}

/// Answers questions until the mailbox closes or `stop`.
///
/// # Errors
/// None by itself; a panic in an agent's code is the supervisor's to report.
pub async fn run(
    id: &AgentId,
    mind: &Mind,
    mailbox: &mut mpsc::Receiver<AgentMsg>,
    focus: &watch::Sender<AgentFocus>,
    stop: &CancellationToken,
) -> Result<(), ActorError> {
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(()),
            message = mailbox.recv() => match message {
                None => return Ok(()),
                Some(AgentMsg::Ask { question, policy, reply }) => {
                    let input = AgentInput {
                        id,
                        policy: &policy,
                        view: &question.view,
                        curves: &question.curves,
                        books: &question.books,
                        bounds: &question.bounds,
                        volatile: question.volatile,
                        round: question.round,
                        now: question.now,
                    };
                    let proposal = mind(&input);
                    focus.send_replace(AgentFocus { focus: proposal.focus.clone(), progress: proposal.progress.clone(), answered_at: Some(question.now) });
                    // The round may have stopped waiting.
                    let _ = reply.send(proposal);
                }
            },
        }
    }
}
