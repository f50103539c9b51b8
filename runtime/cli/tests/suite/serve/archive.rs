//! An archive that receives results, and rejects them on request.

use std::{
    collections::BTreeMap,
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU16, Ordering},
    },
    thread,
};

use dicom_ul::{
    ServerAssociation,
    association::{
        CloseSocket, ServerAssociationOptions,
        server::{AcceptAny, DefaultNegotiation},
    },
    pdu::{PDataValue, PDataValueType, Pdu},
};
use rustls::ServerConfig;

use super::peer::number;

const SR_3D: &str = "1.2.840.10008.5.1.4.1.1.88.34";
const PRESENTATION: &str = "1.2.840.10008.5.1.4.1.1.11.1";

/// Number of received objects by class and instance.
type Received = BTreeMap<(String, String), usize>;

/// A running archive; it runs until the tests end.
pub(super) struct Archive {
    pub(super) address: SocketAddr,
    received: Arc<Mutex<Received>>,
    /// The status of its responses.
    pub(super) status: Arc<AtomicU16>,
}

impl Archive {
    pub(super) fn start() -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    /// On this listener.
    pub(super) fn on(listener: TcpListener) -> Self {
        Self::listen(listener, |stream, received, status| {
            let Ok(association) = options().establish(stream) else { return };
            handle(association, received, status);
        })
    }

    /// Over TLS.
    pub(super) fn secured(tls: &Arc<ServerConfig>) -> Self {
        let tls = Arc::clone(tls);
        Self::listen(TcpListener::bind("127.0.0.1:0").unwrap(), move |stream, received, status| {
            let options = options().tls_config(Arc::clone(&tls));
            let Ok(association) = options.establish_tls(stream) else { return };
            handle(association, received, status);
        })
    }

    fn listen(
        listener: TcpListener,
        handle: impl Fn(TcpStream, &Mutex<Received>, &AtomicU16) + Clone + Send + 'static,
    ) -> Self {
        let address = listener.local_addr().unwrap();
        let received = Arc::new(Mutex::new(Received::new()));
        let status = Arc::new(AtomicU16::new(0));
        let (objects, response) = (Arc::clone(&received), Arc::clone(&status));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (objects, response) = (Arc::clone(&objects), Arc::clone(&response));
                let handle = handle.clone();
                thread::spawn(move || handle(stream, &objects, &response));
            }
        });
        Self { address, received, status }
    }

    /// Numbers of distinct reports and presentation states.
    pub(super) fn results(&self) -> [usize; 2] {
        let received = self.received.lock().unwrap();
        [SR_3D, PRESENTATION].map(|class| received.keys().filter(|(c, _)| c == class).count())
    }

    /// Number of all received objects, with duplicates.
    pub(super) fn objects(&self) -> usize {
        self.received.lock().unwrap().values().sum()
    }
}

fn options() -> ServerAssociationOptions<'static, AcceptAny, DefaultNegotiation> {
    ServerAssociationOptions::new()
        .accept_any()
        .ae_title("ARCHIVE")
        .with_abstract_syntax(SR_3D)
        .with_abstract_syntax(PRESENTATION)
        .with_transfer_syntax("1.2.840.10008.1.2.1")
}

fn handle<S: Read + Write + CloseSocket>(
    mut association: ServerAssociation<S>,
    received: &Mutex<Received>,
    status: &AtomicU16,
) {
    let mut request = Vec::new();
    loop {
        let data = match association.receive() {
            Ok(Pdu::PData { data }) => data,
            Ok(Pdu::ReleaseRQ) => {
                let _ = association.send(&Pdu::ReleaseRP);
                return;
            }
            _ => return,
        };
        for value in data {
            match value.value_type {
                PDataValueType::Command => request = value.data,
                PDataValueType::Data if value.is_last => {
                    let status = status.load(Ordering::SeqCst);
                    if status == 0 {
                        let key = (text(&request, 0x0002), text(&request, 0x1000));
                        *received.lock().unwrap().entry(key).or_default() += 1;
                    }
                    answer(&mut association, value.presentation_context_id, &request, status);
                }
                PDataValueType::Data => {}
            }
        }
    }
}

fn answer<S: Read + Write + CloseSocket>(
    association: &mut ServerAssociation<S>,
    context: u8,
    request: &[u8],
    status: u16,
) {
    let element = |number: u16, value: u16| {
        [&[0, 0][..], &number.to_le_bytes(), &2u32.to_le_bytes(), &value.to_le_bytes()].concat()
    };
    let id = number(request, 0x0110).unwrap();
    let data = [(0x0100, 0x8001), (0x0120, id), (0x0800, 0x0101), (0x0900, status)];
    let data = data.map(|(number, value)| element(number, value)).concat();
    let value_type = PDataValueType::Command;
    let value = PDataValue { presentation_context_id: context, value_type, is_last: true, data };
    let _ = association.send(&Pdu::PData { data: vec![value] });
}

fn text(command: &[u8], wanted: u16) -> String {
    let mut rest = command;
    while let Some((&[_, _, c, d, e, f, g, h], value)) = rest.split_first_chunk() {
        let length = u32::from_le_bytes([e, f, g, h]) as usize;
        if u16::from_le_bytes([c, d]) == wanted {
            return String::from_utf8_lossy(&value[..length]).trim_end_matches('\0').to_owned();
        }
        rest = &value[length..];
    }
    String::new()
}
