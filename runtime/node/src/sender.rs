//! The thread that sends results to one destination and retries until they are delivered.

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
    command::{Command, fields},
    config::Destination,
    metrics::{Counter, Span},
    queue::Queue,
    shared::Shared,
    spool::{Job, Record},
};
use fiducia::radiograph::dicom::header;

/// Longest wait for a job before the stop flag is checked.
const WAIT: Duration = Duration::from_millis(500);
/// First pause after a failure; it doubles with each further one, up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// Images whose results are sent over one association.
const BATCH: usize = 32;
/// Attempts after which an object that the destination rejects is given up.
const MAX_ATTEMPTS: u32 = 8;
const CONNECT_WAIT: Duration = Duration::from_secs(10);
const ANSWER_WAIT: Duration = Duration::from_secs(60);
const SYNTAX: &str = dicom_dictionary_std::uids::EXPLICIT_VR_LITTLE_ENDIAN;

/// Why results were not delivered.
#[derive(Debug)]
enum Failure {
    /// The destination cannot be reached, aborted, or is out of resources: retried indefinitely.
    Unavailable(String),
    /// It responded with this status.
    Rejected(u16),
    /// The results cannot be read from the disk.
    Unreadable(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable(what) | Self::Unreadable(what) => f.write_str(what),
            Self::Rejected(status) => write!(f, "the response has status {status:04X}"),
        }
    }
}

/// The connection of an association with a destination: TCP, or TLS over it.
trait Connection: Read + Write + CloseSocket {
    /// The underlying socket.
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

/// Sends results to `destination` until the node is stopped, over TLS if `tls` is given.
pub(super) fn run(shared: &Shared, destination: &Destination, tls: Option<&Arc<ClientConfig>>) {
    let Some(queue) = shared.spool.outgoing.get(&destination.name) else { return };
    let mut sender = Sender { shared, destination, queue, failures: 0, rejected: Vec::new() };
    while !shared.is_stopping() {
        let Some(first) = queue.pop(WAIT) else { continue };
        let mut batch = vec![first];
        // The length is checked first: a job that is removed from the queue has to be delivered.
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

/// Opens an association with these options.
type Establish<'a, S> =
    dyn Fn(ClientAssociationOptions<'_>) -> Result<ClientAssociation<S>, association::Error> + 'a;

struct Sender<'a> {
    shared: &'a Shared,
    destination: &'a Destination,
    queue: &'a Queue<Job>,
    /// Consecutive failures.
    failures: u32,
    /// Attempts by SOP instance, of images whose results were rejected.
    rejected: Vec<(String, u32)>,
}

impl Sender<'_> {
    fn deliver<S: Connection>(&mut self, batch: Vec<Job>, establish: &Establish<'_, S>) {
        let mut association = None;
        let mut waiting = batch.into_iter();
        let mut failure = None;
        for job in waiting.by_ref() {
            match self.send_results(&job, &mut association, establish) {
                Ok(()) => {
                    self.failures = 0;
                    self.rejected.retain(|(instance, _)| *instance != job.key.instance);
                    self.settle(&job, true);
                }
                Err(why) => {
                    failure = Some((job, why));
                    break;
                }
            }
        }
        if let Some(association) = association {
            // Acknowledged objects are stored, even if the release fails.
            let _ = association.release();
        }
        if let Some((job, why)) = failure {
            self.handle_failure(job, &why);
            // Behind the others, in their order; sending again creates no duplicate.
            waiting.for_each(|job| self.queue.push(job));
            self.pause();
        }
    }

    fn handle_failure(&mut self, job: Job, why: &Failure) {
        let (name, image) = (&self.destination.name, job.key.short());
        self.shared.metrics.count(Counter::SendingFailed, name);
        log::warn!("event=not_sent image={image} destination={name} why=\"{why}\"");
        self.failures += 1;
        match why {
            Failure::Unavailable(_) => self.queue.push(job),
            Failure::Unreadable(_) => self.settle(&job, false),
            Failure::Rejected(_) => {
                let found = self.rejected.iter_mut().find(|(i, _)| *i == job.key.instance);
                let attempts = match found {
                    Some((_, attempts)) => {
                        *attempts += 1;
                        *attempts
                    }
                    None => {
                        self.rejected.push((job.key.instance.clone(), 1));
                        1
                    }
                };
                if attempts < MAX_ATTEMPTS {
                    return self.queue.push(job);
                }
                self.rejected.retain(|(instance, _)| *instance != job.key.instance);
                log::error!("event=given_up image={image} destination={name} tries={attempts}");
                self.settle(&job, false);
            }
        }
    }

    /// Records that the destination has the results, or that they are given up.
    fn settle(&self, job: &Job, delivered: bool) {
        let (spool, name) = (&self.shared.spool, &self.destination.name);
        let settled = match delivered {
            true => spool.mark_sent(&job.key, name),
            false => spool.mark_refused(&job.key, name),
        };
        match settled {
            Ok(false) => {}
            Ok(true) => {
                let took = job.received.elapsed().unwrap_or_default();
                self.shared.metrics.observe(Span::Delivery, took);
                let (image, ms) = (job.key.short(), took.as_millis());
                log::info!("event=delivered image={image} since_received_ms={ms}");
            }
            Err(error) => {
                // It is sent again after the next start; that creates no duplicate.
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

    /// Sends all objects of one image that are due at the destination.
    fn send_results<S: Connection>(
        &self,
        job: &Job,
        association: &mut Option<ClientAssociation<S>>,
        establish: &Establish<'_, S>,
    ) -> Result<(), Failure> {
        let unreadable =
            |e: std::io::Error| Failure::Unreadable(format!("cannot read its results: {e}"));
        let record = self.shared.spool.record(&job.key).map_err(unreadable)?;
        let owed = record.owed.get(&self.destination.name).cloned().unwrap_or_default();
        for number in owed {
            let open = match association {
                Some(open) => open,
                None => association.insert(self.connect(establish)?),
            };
            let file = fs::read(self.shared.spool.object(&job.key, number)).map_err(unreadable)?;
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
            .map_err(|e| Failure::Unavailable(format!("no association: {}", with_causes(&e))))?;
        // A command is small, and the data set after it must not wait until TCP has acknowledged it.
        let nodelay = association.inner_stream().socket().set_nodelay(true);
        nodelay.map_err(|e| Failure::Unavailable(format!("no association: {e}")))?;
        Ok(association)
    }
}

/// An error with its causes: with TLS only the cause says what is wrong with a certificate.
fn with_causes(error: &dyn Error) -> String {
    let mut texts = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(error) = cause {
        texts.push(error.to_string());
        cause = error.source();
    }
    texts.dedup();
    texts.join(": ").replace('"', "'")
}

/// Sends one object and waits for the response.
fn store<S: Connection>(
    association: &mut ClientAssociation<S>,
    record: &Record,
    number: usize,
    file: &[u8],
) -> Result<(), Failure> {
    let unreadable = |what: &str| Failure::Unreadable(format!("object {number}: {what}"));
    let aborted = |e: &dyn fmt::Display| Failure::Unavailable(format!("association aborted: {e}"));
    let object = record.objects.get(number).ok_or_else(|| unreadable("not in the record"))?;
    let data = header::parts(file).map_err(|e| unreadable(&e))?.data;
    let contexts = association.presentation_contexts();
    let context = contexts.iter().find(|c| c.abstract_syntax == object.sop_class);
    // A class that is not negotiated is as permanent as a rejection (SOP class not supported).
    let context = context.ok_or(Failure::Rejected(0x0122))?.id;
    let request = Command {
        field: fields::STORE,
        message_id: 1 + number as u16,
        sop_class: object.sop_class.clone(),
        sop_instance: object.sop_instance.clone(),
        has_data: true,
        ..Command::default()
    };
    let command = PDataValue {
        presentation_context_id: context,
        value_type: PDataValueType::Command,
        is_last: true,
        data: request.bytes(),
    };
    association.send(&Pdu::PData { data: vec![command] }).map_err(|e| aborted(&e))?;
    let mut writer = association.send_pdata(context);
    writer.write_all(data).and_then(|()| writer.finish()).map_err(|e| aborted(&e))?;
    let status = response(association, request.message_id)?;
    match status {
        0 => Ok(()),
        // Warnings: it is stored.
        0xB000..=0xBFFF => {
            log::warn!("event=sent_with_warning image={} status={status:04X}", record.image);
            Ok(())
        }
        0xA700..=0xA7FF => {
            Err(Failure::Unavailable(format!("it is out of resources ({status:04X})")))
        }
        other => Err(Failure::Rejected(other)),
    }
}

/// Status of the response to a message.
fn response<S: Connection>(
    association: &mut ClientAssociation<S>,
    message_id: u16,
) -> Result<u16, Failure> {
    let failed = |what: String| Failure::Unavailable(format!("no valid response: {what}"));
    let mut bytes = Vec::new();
    loop {
        let data = match association.receive().map_err(|e| failed(e.to_string()))? {
            Pdu::PData { data } => data,
            _ => return Err(failed("unexpected PDU".to_owned())),
        };
        for value in data {
            bytes.extend(value.data);
            if value.is_last {
                let command = Command::read(&bytes);
                let command = command.filter(|c| c.message_id == message_id);
                let command = command.ok_or_else(|| failed("unexpected message".to_owned()))?;
                return Ok(command.status);
            }
        }
        if bytes.len() > 1 << 16 {
            return Err(failed("it is too long".to_owned()));
        }
    }
}
