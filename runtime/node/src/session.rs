//! One association as a state machine without a connection: PDUs in, PDUs out.

use std::collections::BTreeMap;

use dicom_ul::pdu::{
    AbortRQServiceProviderReason as Abort, AbortRQSource, AssociationRQ, PDataValue,
    PDataValueType, Pdu,
};

use super::{
    budget::Reservation,
    command::{Command, fields},
    intake::{self, Offer, Refusal},
    metrics::Counter,
    negotiate::{Context, Rejected, negotiate},
    shared::Shared,
};

/// Length limit of a command.
const COMMAND_BYTES: usize = 16 << 10;
/// Data of a rejected image that is discarded before the association is aborted, in images of the largest size.
const MAX_DISCARDED_IMAGES: usize = 2;
const SUCCESS: u16 = 0;
const UNRECOGNISED: u16 = 0x0211;
const MISTYPED: u16 = 0x0212;

/// An association.
pub(super) struct Session<'a> {
    shared: &'a Shared,
    /// The caller's AE title, for the log.
    from: String,
    /// `None` before the association is accepted.
    contexts: Option<BTreeMap<u8, Context>>,
    command: Vec<u8>,
    storing: Option<Storing<'a>>,
}

/// An image that is being received.
struct Storing<'a> {
    request: Command,
    context: u8,
    /// The file so far, or why it is rejected.
    file: Result<Vec<u8>, Refusal>,
    data_at: usize,
    /// Bytes of data received.
    received: usize,
    reservation: Reservation<'a>,
}

/// PDUs to send, and how the association ends after them; `None` if it goes on.
#[derive(Debug, Default)]
pub(super) struct Reply {
    pub(super) pdus: Vec<Pdu>,
    pub(super) end: Option<End>,
}

/// How an association ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Regularly.
    Released,
    /// By an abort of the peer.
    AbortedByPeer,
    /// It was not accepted.
    Rejected,
    /// By a protocol violation of the peer; the label in the metrics.
    Broken(&'static str),
}

impl Reply {
    fn send(pdu: Pdu) -> Self {
        Self { pdus: vec![pdu], end: None }
    }
}

impl<'a> Session<'a> {
    pub(super) fn new(shared: &'a Shared) -> Self {
        let from = "?".to_owned();
        Self { shared, from, contexts: None, command: Vec::new(), storing: None }
    }

    pub(super) fn is_open(&self) -> bool {
        self.contexts.is_some()
    }

    /// Whether an image is being received.
    pub(super) fn is_storing(&self) -> bool {
        self.storing.is_some()
    }

    /// The caller's AE title, for the log.
    pub(super) fn from(&self) -> &str {
        &self.from
    }

    /// Handles a PDU. `has_capacity` reserves an association, and returns false if the limit is reached.
    pub(super) fn receive(&mut self, pdu: Pdu, has_capacity: &mut dyn FnMut() -> bool) -> Reply {
        match (pdu, self.is_open()) {
            (Pdu::AssociationRQ(request), false) => self.associate(&request, has_capacity),
            (Pdu::PData { data }, true) => self.values(data),
            (Pdu::ReleaseRQ, true) => {
                Reply { pdus: vec![Pdu::ReleaseRP], end: Some(End::Released) }
            }
            (Pdu::AbortRQ { .. }, _) => Reply { pdus: vec![], end: Some(End::AbortedByPeer) },
            (Pdu::Unknown { .. }, _) => broken(Abort::UnrecognizedPdu, "pdu_unknown"),
            _ => broken(Abort::UnexpectedPdu, "pdu_unexpected"),
        }
    }

    fn associate(
        &mut self,
        request: &AssociationRQ,
        has_capacity: &mut dyn FnMut() -> bool,
    ) -> Reply {
        self.from = log_word(&request.calling_ae_title);
        let Shared { config, metrics, .. } = self.shared;
        let accepted = if self.shared.is_stopping() {
            Err(Rejected::stopping())
        } else {
            negotiate(request, &config.dicom, config.limits.pdu_bytes())
        };
        let accepted = accepted.and_then(|accepted| match has_capacity() {
            true => Ok(accepted),
            false => Err(Rejected::full()),
        });
        match accepted {
            Ok(accepted) => {
                self.contexts = Some(accepted.contexts);
                log::debug!("event=association from={}", self.from);
                Reply::send(Pdu::AssociationAC(accepted.answer))
            }
            Err(Rejected { reason, answer }) => {
                metrics.count(Counter::AssociationsRefused, reason);
                let (from, to) = (&self.from, log_word(&request.called_ae_title));
                log::warn!("event=association_refused from={from} to={to} reason={reason}");
                Reply { pdus: vec![Pdu::AssociationRJ(answer)], end: Some(End::Rejected) }
            }
        }
    }

    fn values(&mut self, values: Vec<PDataValue>) -> Reply {
        let mut reply = Reply::default();
        for value in values {
            let next = match value.value_type {
                PDataValueType::Command => self.command_part(&value),
                PDataValueType::Data => self.data_part(&value),
            };
            reply.pdus.extend(next.pdus);
            if next.end.is_some() {
                reply.end = next.end;
                break;
            }
        }
        reply
    }

    /// A command may come in several parts.
    fn command_part(&mut self, value: &PDataValue) -> Reply {
        let PDataValue { presentation_context_id: context, is_last, ref data, .. } = *value;
        if self.storing.is_some() || self.context(context).is_none() {
            return broken(Abort::UnexpectedPduParameter, "command_unexpected");
        }
        if self.command.len() + data.len() > COMMAND_BYTES {
            return broken(Abort::InvalidPduParameter, "command_size");
        }
        self.command.extend_from_slice(data);
        if !is_last {
            return Reply::default();
        }
        match Command::read(&std::mem::take(&mut self.command)) {
            Some(command) => self.dispatch(command, context),
            None => broken(Abort::InvalidPduParameter, "command_damaged"),
        }
    }

    fn dispatch(&mut self, command: Command, context: u8) -> Reply {
        match command.field {
            fields::ECHO if !command.has_data => {
                self.shared.metrics.count(Counter::Echoes, "success");
                respond(context, &command, SUCCESS, "")
            }
            fields::STORE if command.has_data => {
                self.storing = Some(self.begin(command, context));
                Reply::default()
            }
            // The operation to cancel is already finished.
            fields::CANCEL => Reply::default(),
            fields::STORE => respond(context, &command, MISTYPED, "the data set is missing"),
            field if field & fields::ANSWER != 0 => {
                broken(Abort::UnexpectedPduParameter, "command_unexpected")
            }
            // Its data set would be mistaken for that of the next command.
            _ if command.has_data => broken(Abort::UnexpectedPduParameter, "command_unexpected"),
            _ => respond(
                context,
                &command,
                UNRECOGNISED,
                "this node supports C-ECHO and C-STORE only",
            ),
        }
    }

    fn begin(&self, request: Command, context: u8) -> Storing<'a> {
        let file = match self.context(context) {
            Some(negotiated) if negotiated.class == request.sop_class => {
                let Context { class, syntax } = negotiated;
                intake::file_head(class, &request.sop_instance, syntax).ok_or(Refusal::Uid)
            }
            _ => Err(Refusal::Class),
        };
        let data_at = file.as_ref().map_or(0, Vec::len);
        let reservation = self.shared.budget.reserve();
        Storing { request, context, file, data_at, received: 0, reservation }
    }

    fn data_part(&mut self, value: &PDataValue) -> Reply {
        let PDataValue { presentation_context_id: context, is_last, ref data, .. } = *value;
        let max = self.shared.config.limits.object_bytes();
        let Some(storing) = self.storing.as_mut().filter(|s| s.context == context) else {
            return broken(Abort::UnexpectedPduParameter, "data_unexpected");
        };
        storing.add(data, max);
        if !is_last {
            if storing.received > MAX_DISCARDED_IMAGES * max {
                self.reject_unfinished();
                return broken(Abort::InvalidPduParameter, "object_size");
            }
            return Reply::default();
        }
        match self.storing.take() {
            Some(storing) => self.finish(storing),
            None => Reply::default(),
        }
    }

    fn reject_unfinished(&mut self) {
        if let Some(Storing { request, file: Err(refusal), .. }) = self.storing.take() {
            intake::log_refusal(self.shared, &refusal, &request.sop_instance, &self.from);
        }
    }

    fn finish(&self, storing: Storing<'_>) -> Reply {
        let Storing { request, context, file, data_at, .. } = storing;
        let accepted = match (&file, self.context(context)) {
            (Ok(file), Some(Context { class, syntax })) => {
                let offer = Offer {
                    sop_class: class,
                    sop_instance: &request.sop_instance,
                    syntax,
                    file,
                    data_at,
                    from: &self.from,
                };
                intake::accept(self.shared, &offer)
            }
            _ => {
                let refusal = file.err().unwrap_or(Refusal::Class);
                intake::log_refusal(self.shared, &refusal, &request.sop_instance, &self.from);
                Err(refusal)
            }
        };
        match accepted {
            Ok(()) => respond(context, &request, SUCCESS, ""),
            Err(refusal) => respond(context, &request, refusal.status(), refusal.comment()),
        }
    }

    fn context(&self, id: u8) -> Option<&Context> {
        self.contexts.as_ref().and_then(|contexts| contexts.get(&id))
    }
}

impl Storing<'_> {
    fn add(&mut self, data: &[u8], max: usize) {
        self.received += data.len();
        let Ok(file) = &mut self.file else { return };
        if self.received > max {
            self.file = Err(Refusal::TooLarge);
        } else if !self.reservation.grow(data.len()) || file.try_reserve(data.len()).is_err() {
            self.file = Err(Refusal::Memory);
        } else {
            file.extend_from_slice(data);
        }
    }
}

fn respond(context: u8, request: &Command, status: u16, comment: &str) -> Reply {
    let data = request.response(status, comment).bytes();
    let (value_type, is_last) = (PDataValueType::Command, true);
    let value = PDataValue { presentation_context_id: context, value_type, is_last, data };
    Reply::send(Pdu::PData { data: vec![value] })
}

fn broken(why: Abort, reason: &'static str) -> Reply {
    let abort = Pdu::AbortRQ { source: AbortRQSource::ServiceProvider(why) };
    Reply { pdus: vec![abort], end: Some(End::Broken(reason)) }
}

/// An AE title as one word of the log.
fn log_word(title: &str) -> String {
    let escape = |c: char| if c.is_ascii_graphic() && c != '"' && c != '=' { c } else { '_' };
    title.trim().chars().take(16).map(escape).collect()
}
