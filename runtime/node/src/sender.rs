//! The thread that brings results to one destination, and tries again until it has them.

use std::{
    error::Error,
    fmt, fs,
    io::{Read, Write},
    net::TcpStream,
    sync::Arc,
    time::{Duration, Instant},
};

use dicom_ul::{
    ClientAssociation,
    association::{self, ClientAssociationOptions, CloseSocket, client::TlsStream},
    pdu::{PDataValue, PDataValueType, Pdu},
};
use rustls::ClientConfig;

use super::{
    Shared,
    command::{Command, fields},
    config::Destination,
    metrics::{Counter, Span},
    queue::Queue,
    spool::{Job, Record},
};
use fiducia::radiograph::dicom::header;

/// How often a waiting sender looks up.
const WAIT: Duration = Duration::from_millis(500);
/// First pause after a failure; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// Results of so many images go over one association.
const BATCH: usize = 32;
/// A destination that answers an object with failure so often does not get it.
const TRIES: u32 = 8;
const CONNECT_WAIT: Duration = Duration::from_secs(10);
const ANSWER_WAIT: Duration = Duration::from_secs(60);
const SYNTAX: &str = dicom_dictionary_std::uids::EXPLICIT_VR_LITTLE_ENDIAN;

/// Why something did not arrive.
#[derive(Debug)]
enum Failure {
    /// The destination cannot be reached or broke off, or is short of something: it is tried again for ever.
    Away(String),
    /// It answers with this status.
    Refused(u16),
    /// Its results cannot be read from the disk.
    Lost(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Away(what) | Self::Lost(what) => f.write_str(what),
            Self::Refused(status) => write!(f, "it answers with status {status:04X}"),
        }
    }
}

/// What an association with a destination goes over.
trait Connection: Read + Write + CloseSocket {
    /// What lies below.
    fn socket(&self) -> &TcpStream;
}

impl Connection for TcpStream {
    fn socket(&self) -> &TcpStream {
        self
    }
}

impl Connection for TlsStream {
    fn socket(&self) -> &TcpStream {
        &self.sock
    }
}

/// Brings results to `destination` until the node is ended, over TLS where it is there.
pub(super) fn run(shared: &Shared, destination: &Destination, tls: Option<&Arc<ClientConfig>>) {
    let Some(queue) = shared.spool.to_send.get(&destination.name) else { return };
    let mut sender = Sender { shared, destination, queue, failures: 0, refused: Vec::new() };
    while !shared.is_stopping() {
        let Some(first) = queue.pop(WAIT) else { continue };
        let mut batch = vec![first];
        // The length first: what is taken out of the queue has to be delivered.
        while batch.len() < BATCH
            && let Some(more) = queue.pop(Duration::ZERO)
        {
            batch.push(more);
        }
        let address = destination.address.as_str();
        match tls {
            None => sender.deliver(batch, &|options| options.establish(address)),
            Some(tls) => sender.deliver(batch, &|options| {
                let name = destination.server_name();
                options.tls_config(Arc::clone(tls)).server_name(name).establish_tls(address)
            }),
        }
    }
}

/// Opens an association as these options say.
type Establish<'a, S> =
    dyn Fn(ClientAssociationOptions<'_>) -> Result<ClientAssociation<S>, association::Error> + 'a;

struct Sender<'a> {
    shared: &'a Shared,
    destination: &'a Destination,
    queue: &'a Queue<Job>,
    /// Failures in a row.
    failures: u32,
    /// How often each image was answered with failure.
    refused: Vec<(String, u32)>,
}

impl Sender<'_> {
    fn deliver<S: Connection>(&mut self, batch: Vec<Job>, establish: &Establish<'_, S>) {
        let mut association = None;
        let mut waiting = batch.into_iter();
        let mut failure = None;
        for job in waiting.by_ref() {
            match self.bring(&job, &mut association, establish) {
                Ok(()) => {
                    self.failures = 0;
                    self.refused.retain(|(instance, _)| *instance != job.key.instance);
                    self.settle(&job, true);
                }
                Err(why) => {
                    failure = Some((job, why));
                    break;
                }
            }
        }
        if let Some(association) = association {
            // What was answered is there, however this ends.
            let _ = association.release();
        }
        if let Some((job, why)) = failure {
            self.failed(job, &why);
            // Behind the others, in their order; a re-send doubles nothing.
            waiting.for_each(|job| self.queue.push(job));
            self.pause();
        }
    }

    fn failed(&mut self, job: Job, why: &Failure) {
        let (name, image) = (&self.destination.name, job.key.short());
        self.shared.metrics.count(Counter::SendingFailed, name);
        log::warn!("event=not_sent image={image} destination={name} why=\"{why}\"");
        self.failures += 1;
        match why {
            Failure::Away(_) => self.queue.push(job),
            Failure::Lost(_) => self.settle(&job, false),
            Failure::Refused(_) => {
                let found = self.refused.iter_mut().find(|(i, _)| *i == job.key.instance);
                let tries = match found {
                    Some((_, tries)) => {
                        *tries += 1;
                        *tries
                    }
                    None => {
                        self.refused.push((job.key.instance.clone(), 1));
                        1
                    }
                };
                if tries < TRIES {
                    return self.queue.push(job);
                }
                self.refused.retain(|(instance, _)| *instance != job.key.instance);
                log::error!("event=given_up image={image} destination={name} tries={tries}");
                self.settle(&job, false);
            }
        }
    }

    /// Notes that the destination has it, or never will.
    fn settle(&self, job: &Job, arrived: bool) {
        let (spool, name) = (&self.shared.spool, &self.destination.name);
        let settled = match arrived {
            true => spool.sent(&job.key, name),
            false => spool.refused(&job.key, name),
        };
        match settled {
            Ok(false) => {}
            Ok(true) => {
                let took = job.received.elapsed().unwrap_or_default();
                self.shared.metrics.took(Span::Delivery, took);
                let (image, ms) = (job.key.short(), took.as_millis());
                log::info!("event=delivered image={image} since_received_ms={ms}");
            }
            Err(error) => {
                // It is sent once more after the next start, which doubles nothing.
                let image = job.key.short();
                log::error!("event=not_noted image={image} destination={name} error=\"{error}\"");
            }
        }
    }

    fn pause(&self) {
        let doubled = FIRST_PAUSE * 2u32.saturating_pow(self.failures.saturating_sub(1).min(16));
        let end = Instant::now() + doubled.min(LONGEST_PAUSE);
        while Instant::now() < end && !self.shared.is_stopping() {
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// All objects of one image that the destination is owed.
    fn bring<S: Connection>(
        &self,
        job: &Job,
        association: &mut Option<ClientAssociation<S>>,
        establish: &Establish<'_, S>,
    ) -> Result<(), Failure> {
        let lost = |e: std::io::Error| Failure::Lost(format!("its results are gone: {e}"));
        let record = self.shared.spool.record(&job.key).map_err(lost)?;
        let owed = record.owed.get(&self.destination.name).cloned().unwrap_or_default();
        for number in owed {
            let open = match association {
                Some(open) => open,
                None => association.insert(self.connect(establish)?),
            };
            let file = fs::read(self.shared.spool.object(&job.key, number)).map_err(lost)?;
            store(open, &record, number, &file)?;
            self.shared.metrics.count(Counter::Sent, &self.destination.name);
        }
        Ok(())
    }

    fn connect<S: Connection>(
        &self,
        establish: &Establish<'_, S>,
    ) -> Result<ClientAssociation<S>, Failure> {
        let mut options = ClientAssociationOptions::new()
            .calling_ae_title(self.shared.config.dicom.ae.as_str())
            .called_ae_title(self.destination.ae.as_str())
            .connection_timeout(CONNECT_WAIT)
            .read_timeout(ANSWER_WAIT)
            .write_timeout(ANSWER_WAIT);
        for kind in &self.destination.kinds {
            options = options.with_presentation_context(kind.sop_class(), vec![SYNTAX]);
        }
        let mut association = establish(options)
            .map_err(|e| Failure::Away(format!("no association: {}", with_causes(&e))))?;
        // A command is small, and what follows it must not wait until the peer has acknowledged it.
        let hurried = association.inner_stream().socket().set_nodelay(true);
        hurried.map_err(|e| Failure::Away(format!("no association: {e}")))?;
        Ok(association)
    }
}

/// What failed and why: of TLS the cause alone says what is wrong with a certificate.
fn with_causes(error: &dyn Error) -> String {
    let mut said = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(error) = cause {
        said.push(error.to_string());
        cause = error.source();
    }
    said.dedup();
    said.join(": ").replace('"', "'")
}

/// Sends one object and waits for its answer.
fn store<S: Connection>(
    association: &mut ClientAssociation<S>,
    record: &Record,
    number: usize,
    file: &[u8],
) -> Result<(), Failure> {
    let lost = |what: &str| Failure::Lost(format!("object {number}: {what}"));
    let away = |e: &dyn fmt::Display| Failure::Away(format!("the association broke: {e}"));
    let made = record.objects.get(number).ok_or_else(|| lost("not in the record"))?;
    let data = header::parts(file).map_err(|e| lost(&e))?.data;
    let contexts = association.presentation_contexts();
    let context = contexts.iter().find(|c| c.abstract_syntax == made.sop_class);
    // A destination that does not take the class at all will say so again.
    let context = context.ok_or(Failure::Refused(0x0122))?.id;
    let request = Command {
        field: fields::STORE,
        message_id: 1 + number as u16,
        sop_class: made.sop_class.clone(),
        sop_instance: made.sop_instance.clone(),
        has_data: true,
        ..Command::default()
    };
    let command = PDataValue {
        presentation_context_id: context,
        value_type: PDataValueType::Command,
        is_last: true,
        data: request.bytes(),
    };
    association.send(&Pdu::PData { data: vec![command] }).map_err(|e| away(&e))?;
    let mut writer = association.send_pdata(context);
    writer.write_all(data).and_then(|()| writer.finish()).map_err(|e| away(&e))?;
    let status = answer(association, request.message_id)?;
    match status {
        0 => Ok(()),
        // Warnings: it is stored.
        0xB000..=0xBFFF => {
            log::warn!("event=sent_with_warning image={} status={status:04X}", record.image);
            Ok(())
        }
        0xA700..=0xA7FF => Err(Failure::Away(format!("it is out of resources ({status:04X})"))),
        other => Err(Failure::Refused(other)),
    }
}

/// Status of the answer to a message.
fn answer<S: Connection>(
    association: &mut ClientAssociation<S>,
    message_id: u16,
) -> Result<u16, Failure> {
    let away = |what: String| Failure::Away(format!("no answer: {what}"));
    let mut bytes = Vec::new();
    loop {
        let data = match association.receive().map_err(|e| away(e.to_string()))? {
            Pdu::PData { data } => data,
            _ => return Err(away("it speaks of something else".to_owned())),
        };
        for value in data {
            bytes.extend(value.data);
            if value.is_last {
                let command = Command::read(&bytes);
                let command = command.filter(|c| c.message_id == message_id);
                let command =
                    command.ok_or_else(|| away("it answers something else".to_owned()))?;
                return Ok(command.status);
            }
        }
        if bytes.len() > 1 << 16 {
            return Err(away("it has no end".to_owned()));
        }
    }
}
