//! One association, without its connection: what comes in, and what is said to it.

use std::collections::BTreeMap;

use dicom_ul::pdu::{
    AbortRQServiceProviderReason as Abort, AbortRQSource, AssociationRQ, PDataValue,
    PDataValueType, Pdu,
};

use super::{
    Shared,
    command::{Command, fields},
    intake::{self, Offer, Refusal, Share},
    metrics::Counter,
    negotiate::{Context, Rejected, negotiate},
};

/// Commands are small.
const COMMAND_BYTES: usize = 16 << 10;
/// Of an image that is not taken this much is read over before the association is ended, in images of the
/// largest size.
const PATIENCE_IMAGES: usize = 2;
const SUCCESS: u16 = 0;
const UNRECOGNISED: u16 = 0x0211;
const MISTYPED: u16 = 0x0212;

/// An association.
pub(super) struct Session<'a> {
    shared: &'a Shared,
    /// Who calls, as the log calls it.
    from: String,
    /// None before it is accepted.
    contexts: Option<BTreeMap<u8, Context>>,
    command: Vec<u8>,
    storing: Option<Storing<'a>>,
}

/// An image on its way in.
struct Storing<'a> {
    request: Command,
    context: u8,
    /// The file so far, or why it is not taken.
    file: Result<Vec<u8>, Refusal>,
    data_at: usize,
    /// Bytes of data that came.
    seen: usize,
    share: Share<'a>,
}

/// What is said, and whether that was all.
#[derive(Debug, Default)]
pub(super) struct Turn {
    pub(super) say: Vec<Pdu>,
    pub(super) end: Option<End>,
}

/// How an association ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// As it should.
    Released,
    /// The peer broke it off.
    AbortedByPeer,
    /// It was never begun.
    Rejected,
    /// The peer does what nobody may; as the metrics call it.
    Broken(&'static str),
}

impl Turn {
    fn say(pdu: Pdu) -> Self {
        Self { say: vec![pdu], end: None }
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

    /// Whether an image is on its way in.
    pub(super) fn is_storing(&self) -> bool {
        self.storing.is_some()
    }

    /// Who calls, as the log calls it.
    pub(super) fn from(&self) -> &str {
        &self.from
    }

    /// Answers a unit. `room` says whether there is a place for one more association.
    pub(super) fn receive(&mut self, pdu: Pdu, room: &mut dyn FnMut() -> bool) -> Turn {
        match (pdu, self.is_open()) {
            (Pdu::AssociationRQ(request), false) => self.associate(&request, room),
            (Pdu::PData { data }, true) => self.values(data),
            (Pdu::ReleaseRQ, true) => Turn { say: vec![Pdu::ReleaseRP], end: Some(End::Released) },
            (Pdu::AbortRQ { .. }, _) => Turn { say: vec![], end: Some(End::AbortedByPeer) },
            (Pdu::Unknown { .. }, _) => broken(Abort::UnrecognizedPdu, "pdu_unknown"),
            _ => broken(Abort::UnexpectedPdu, "pdu_unexpected"),
        }
    }

    fn associate(&mut self, request: &AssociationRQ, room: &mut dyn FnMut() -> bool) -> Turn {
        self.from = plain(&request.calling_ae_title);
        let Shared { config, metrics, .. } = self.shared;
        let accepted = if self.shared.is_stopping() {
            Err(Rejected::stopping())
        } else {
            negotiate(request, &config.dicom, config.limits.pdu_bytes())
        };
        let accepted = accepted.and_then(|accepted| match room() {
            true => Ok(accepted),
            false => Err(Rejected::full()),
        });
        match accepted {
            Ok(accepted) => {
                self.contexts = Some(accepted.contexts);
                log::debug!("event=association from={}", self.from);
                Turn::say(Pdu::AssociationAC(accepted.answer))
            }
            Err(Rejected { reason, answer }) => {
                metrics.count(Counter::AssociationsRefused, reason);
                let (from, to) = (&self.from, plain(&request.called_ae_title));
                log::warn!("event=association_refused from={from} to={to} reason={reason}");
                Turn { say: vec![Pdu::AssociationRJ(answer)], end: Some(End::Rejected) }
            }
        }
    }

    fn values(&mut self, values: Vec<PDataValue>) -> Turn {
        let mut turn = Turn::default();
        for value in values {
            let next = match value.value_type {
                PDataValueType::Command => self.command_part(&value),
                PDataValueType::Data => self.data_part(&value),
            };
            turn.say.extend(next.say);
            if next.end.is_some() {
                turn.end = next.end;
                break;
            }
        }
        turn
    }

    /// A command may come in several parts.
    fn command_part(&mut self, value: &PDataValue) -> Turn {
        let PDataValue { presentation_context_id: context, is_last, ref data, .. } = *value;
        if self.storing.is_some() || self.context(context).is_none() {
            return broken(Abort::UnexpectedPduParameter, "command_unexpected");
        }
        if self.command.len() + data.len() > COMMAND_BYTES {
            return broken(Abort::InvalidPduParameter, "command_size");
        }
        self.command.extend_from_slice(data);
        if !is_last {
            return Turn::default();
        }
        match Command::read(&std::mem::take(&mut self.command)) {
            Some(command) => self.obey(command, context),
            None => broken(Abort::InvalidPduParameter, "command_damaged"),
        }
    }

    fn obey(&mut self, command: Command, context: u8) -> Turn {
        match command.field {
            fields::ECHO if !command.has_data => {
                self.shared.metrics.count(Counter::Echoes, "success");
                answer(context, &command, SUCCESS, "")
            }
            fields::STORE if command.has_data => {
                self.storing = Some(self.begin(command, context));
                Turn::default()
            }
            // What is to be cancelled is over already.
            fields::CANCEL => Turn::default(),
            fields::STORE => answer(context, &command, MISTYPED, "there is no data set"),
            field if field & fields::ANSWER != 0 => {
                broken(Abort::UnexpectedPduParameter, "command_unexpected")
            }
            // Its data set would be taken for that of another.
            _ if command.has_data => broken(Abort::UnexpectedPduParameter, "command_unexpected"),
            _ => answer(context, &command, UNRECOGNISED, "this is a node for images alone"),
        }
    }

    fn begin(&self, request: Command, context: u8) -> Storing<'a> {
        let agreed = self.context(context);
        let file = match agreed {
            Some(agreed) if agreed.class == request.sop_class => {
                let Context { class, syntax } = agreed;
                intake::file_head(class, &request.sop_instance, syntax).ok_or(Refusal::Uid)
            }
            _ => Err(Refusal::Class),
        };
        let data_at = file.as_ref().map_or(0, Vec::len);
        let share = self.shared.budget.share();
        Storing { request, context, file, data_at, seen: 0, share }
    }

    fn data_part(&mut self, value: &PDataValue) -> Turn {
        let PDataValue { presentation_context_id: context, is_last, ref data, .. } = *value;
        let most = self.shared.config.limits.object_bytes();
        let Some(storing) = self.storing.as_mut().filter(|s| s.context == context) else {
            return broken(Abort::UnexpectedPduParameter, "data_unexpected");
        };
        storing.add(data, most);
        if !is_last {
            if storing.seen > PATIENCE_IMAGES * most {
                self.turn_away_unfinished();
                return broken(Abort::InvalidPduParameter, "object_size");
            }
            return Turn::default();
        }
        match self.storing.take() {
            Some(storing) => self.finish(storing),
            None => Turn::default(),
        }
    }

    fn turn_away_unfinished(&mut self) {
        if let Some(Storing { request, file: Err(refusal), .. }) = self.storing.take() {
            intake::turned_away(self.shared, &refusal, &request.sop_instance, &self.from);
        }
    }

    fn finish(&self, storing: Storing<'_>) -> Turn {
        let Storing { request, context, file, data_at, .. } = storing;
        let taken = match (&file, self.context(context)) {
            (Ok(file), Some(Context { class, syntax })) => {
                let offer = Offer {
                    sop_class: class,
                    sop_instance: &request.sop_instance,
                    syntax,
                    file,
                    data_at,
                    from: &self.from,
                };
                intake::take(self.shared, &offer)
            }
            _ => {
                let refusal = file.err().unwrap_or(Refusal::Class);
                intake::turned_away(self.shared, &refusal, &request.sop_instance, &self.from);
                Err(refusal)
            }
        };
        match taken {
            Ok(()) => answer(context, &request, SUCCESS, ""),
            Err(refusal) => answer(context, &request, refusal.status(), refusal.comment()),
        }
    }

    fn context(&self, id: u8) -> Option<&Context> {
        self.contexts.as_ref().and_then(|contexts| contexts.get(&id))
    }
}

impl Storing<'_> {
    fn add(&mut self, data: &[u8], most: usize) {
        self.seen += data.len();
        let Ok(file) = &mut self.file else { return };
        if self.seen > most {
            self.file = Err(Refusal::TooLarge);
        } else if !self.share.grow(data.len()) || file.try_reserve(data.len()).is_err() {
            self.file = Err(Refusal::Memory);
        } else {
            file.extend_from_slice(data);
        }
    }
}

fn answer(context: u8, request: &Command, status: u16, comment: &str) -> Turn {
    let data = request.answer(status, comment).bytes();
    let (value_type, is_last) = (PDataValueType::Command, true);
    let value = PDataValue { presentation_context_id: context, value_type, is_last, data };
    Turn::say(Pdu::PData { data: vec![value] })
}

fn broken(why: Abort, reason: &'static str) -> Turn {
    let abort = Pdu::AbortRQ { source: AbortRQSource::ServiceProvider(why) };
    Turn { say: vec![abort], end: Some(End::Broken(reason)) }
}

/// A title as one word of the log.
fn plain(title: &str) -> String {
    let word = |c: char| if c.is_ascii_graphic() && c != '"' && c != '=' { c } else { '_' };
    title.trim().chars().take(16).map(word).collect()
}
