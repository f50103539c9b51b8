//! A modality that calls the node and sends images.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    time::Duration,
};

use dicom_ul::{
    ClientAssociation,
    association::{ClientAssociationOptions, CloseSocket, client::TlsStream},
    pdu::{PDataValue, PDataValueType, Pdu},
};
use rustls::ClientConfig;

use crate::dicom_files::uids;

const VERIFICATION: &str = "1.2.840.10008.1.1";
pub(super) const SUCCESS: u16 = 0;

/// An association with the node.
pub(super) struct Peer<S = TcpStream> {
    association: ClientAssociation<S>,
    pub(super) message_id: u16,
}

/// One element of a command.
fn element(number: u16, value: &[u8]) -> Vec<u8> {
    let length = value.len().next_multiple_of(2);
    let mut out =
        [&[0, 0][..], &number.to_le_bytes(), &(length as u32).to_le_bytes(), value].concat();
    out.resize(8 + length, 0);
    out
}

/// A request with this command field, message ID, SOP class and instance; `data`: whether a data set follows.
pub(super) fn request(field: u16, id: u16, class: &str, instance: &str, data: bool) -> Vec<u8> {
    let data: u16 = if data { 1 } else { 0x0101 };
    let mut parts = vec![
        element(0x0002, class.as_bytes()),
        element(0x0100, &field.to_le_bytes()),
        element(0x0110, &id.to_le_bytes()),
        element(0x0700, &[0, 0]),
        element(0x0800, &data.to_le_bytes()),
    ];
    if !instance.is_empty() {
        parts.push(element(0x1000, instance.as_bytes()));
    }
    let rest = parts.concat();
    [element(0, &(rest.len() as u32).to_le_bytes()), rest].concat()
}

/// The 16-bit number of an element of a command.
pub(super) fn number(command: &[u8], wanted: u16) -> Option<u16> {
    let mut rest = command;
    while let Some((&[_, _, c, d, e, f, g, h], value)) = rest.split_first_chunk() {
        let length = u32::from_le_bytes([e, f, g, h]) as usize;
        if u16::from_le_bytes([c, d]) == wanted {
            return Some(u16::from_le_bytes([value[0], value[1]]));
        }
        rest = &value[length..];
    }
    None
}

/// Proposes C-ECHO, and CR images in this transfer syntax.
fn options([calling, called]: [&str; 2], syntax: &str) -> ClientAssociationOptions<'static> {
    ClientAssociationOptions::new()
        .calling_ae_title(calling.to_owned())
        .called_ae_title(called.to_owned())
        .with_presentation_context(VERIFICATION.to_owned(), vec![uids::IMPLICIT_LITTLE.to_owned()])
        .with_presentation_context(uids::CR.to_owned(), vec![syntax.to_owned()])
        .read_timeout(Duration::from_secs(60))
}

impl Peer<TlsStream> {
    /// Calls over TLS; images are in explicit VR little endian.
    pub(super) fn secured(address: SocketAddr, tls: &Arc<ClientConfig>) -> Result<Self, String> {
        let association = options(["CR1", "FIDUCIA"], uids::EXPLICIT_LITTLE)
            .tls_config(Arc::clone(tls))
            .server_name("localhost")
            .establish_tls(address)
            .map_err(|e| e.to_string())?;
        Ok(Self { association, message_id: 0 })
    }
}

impl Peer {
    /// Calls with these AE titles, of the peer and of the node.
    pub(super) fn call(
        address: SocketAddr,
        titles: [&str; 2],
        syntax: &str,
    ) -> Result<Self, String> {
        let mut association =
            options(titles, syntax).establish(address).map_err(|e| e.to_string())?;
        association.inner_stream().set_nodelay(true).map_err(|e| e.to_string())?;
        Ok(Self { association, message_id: 0 })
    }

    /// Calls as most tests do; images are in explicit VR little endian.
    pub(super) fn new(address: SocketAddr) -> Self {
        Self::call(address, ["CR1", "FIDUCIA"], uids::EXPLICIT_LITTLE).unwrap()
    }

    pub(super) fn stream(&mut self) -> &mut TcpStream {
        self.association.inner_stream()
    }
}

impl<S: Read + Write + CloseSocket> Peer<S> {
    /// Sends fragments of a command or a data set in a context.
    pub(super) fn send(&mut self, context: u8, parts: &[(PDataValueType, bool, &[u8])]) {
        let value = |(value_type, is_last, data): &(PDataValueType, bool, &[u8])| PDataValue {
            presentation_context_id: context,
            value_type: value_type.clone(),
            is_last: *is_last,
            data: data.to_vec(),
        };
        let data = parts.iter().map(value).collect();
        self.association.send(&Pdu::PData { data }).unwrap();
    }

    /// Message ID and status of the response; `None` if the association has ended.
    pub(super) fn answer(&mut self) -> Option<[u16; 2]> {
        match self.association.receive() {
            Ok(Pdu::PData { data }) => {
                let command = &data[0].data;
                Some([number(command, 0x0120).unwrap(), number(command, 0x0900).unwrap()])
            }
            _ => None,
        }
    }

    /// Message ID of the request; message ID and status of the response.
    pub(super) fn echo(&mut self) -> (u16, [u16; 2]) {
        self.message_id += 1;
        let request = request(0x0030, self.message_id, VERIFICATION, "", false);
        self.send(1, &[(PDataValueType::Command, true, &request)]);
        (self.message_id, self.answer().unwrap())
    }

    /// Status of a C-STORE; `None` if the association has ended.
    pub(super) fn store(&mut self, instance: &str, data: &[u8]) -> Option<u16> {
        self.message_id += 1;
        let id = self.message_id;
        let request = request(0x0001, id, uids::CR, instance, true);
        let value_type = PDataValueType::Command;
        let command =
            PDataValue { presentation_context_id: 3, value_type, is_last: true, data: request };
        self.association.send(&Pdu::PData { data: vec![command] }).ok()?;
        let mut writer = self.association.send_pdata(3);
        writer.write_all(data).and_then(|()| writer.finish()).ok()?;
        let [answered, status] = self.answer()?;
        assert_eq!(answered, id);
        Some(status)
    }

    pub(super) fn release(self) {
        self.association.release().unwrap();
    }
}
