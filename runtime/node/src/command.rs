//! Commands of the DIMSE protocol (PS3.7): implicit VR little endian, always small.

/// Command fields (PS3.7, E.1).
pub(super) mod fields {
    pub(crate) const STORE: u16 = 0x0001;
    pub(crate) const CANCEL: u16 = 0x0FFF;
    pub(crate) const ECHO: u16 = 0x0030;
    /// Bit that is set in the response to a command.
    pub(crate) const ANSWER: u16 = 0x8000;
}

/// Command Data Set Type: no data set follows.
const NO_DATA: u16 = 0x0101;
const DATA_FOLLOWS: u16 = 0x0001;
/// Length limit of Error Comment, whose VR is LO.
const LONGEST_COMMENT: usize = 64;

const SOP_CLASS: u16 = 0x0002;
const FIELD: u16 = 0x0100;
const MESSAGE_ID: u16 = 0x0110;
const ANSWERED_ID: u16 = 0x0120;
const PRIORITY: u16 = 0x0700;
const DATA_SET_TYPE: u16 = 0x0800;
const STATUS: u16 = 0x0900;
const COMMENT: u16 = 0x0902;
const SOP_INSTANCE: u16 = 0x1000;

/// A request or a response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Command {
    pub(super) field: u16,
    /// Message ID of a request; in a response that of the request it responds to.
    pub(super) message_id: u16,
    pub(super) sop_class: String,
    pub(super) sop_instance: String,
    pub(super) has_data: bool,
    /// Of a response.
    pub(super) status: u16,
    /// Error Comment of a response other than success.
    pub(super) comment: String,
}

impl Command {
    /// Parses a command; `None` if the bytes are not a valid one.
    pub(super) fn read(mut bytes: &[u8]) -> Option<Self> {
        let mut command = Self::default();
        let (mut field, mut own_id, mut request_id, mut data) = (None, None, None, None);
        while !bytes.is_empty() {
            let (&[a, b, c, d, e, f, g, h], rest) = bytes.split_first_chunk()?;
            let (group, element) = (u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d]));
            let length = u32::from_le_bytes([e, f, g, h]) as usize;
            let (value, rest) = rest.split_at_checked(length)?;
            bytes = rest;
            if group != 0 {
                return None;
            }
            let number = || <[u8; 2]>::try_from(value).ok().map(u16::from_le_bytes);
            match element {
                FIELD => field = Some(number()?),
                MESSAGE_ID => own_id = Some(number()?),
                ANSWERED_ID => request_id = Some(number()?),
                DATA_SET_TYPE => data = Some(number()?),
                STATUS => command.status = number()?,
                SOP_CLASS => command.sop_class = text(value),
                SOP_INSTANCE => command.sop_instance = text(value),
                COMMENT => command.comment = text(value),
                _ => {}
            }
        }
        command.field = field?;
        let is_response = command.field & fields::ANSWER != 0;
        let id = if is_response || command.field == fields::CANCEL { request_id } else { own_id };
        command.message_id = id?;
        command.has_data = data? != NO_DATA;
        Some(command)
    }

    /// The bytes of the command.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let is_response = self.field & fields::ANSWER != 0;
        let mut out = Vec::new();
        let mut put = |element: u16, value: &[u8]| {
            out.extend([0, 0]);
            out.extend(element.to_le_bytes());
            out.extend((value.len().next_multiple_of(2) as u32).to_le_bytes());
            out.extend(value);
            if value.len() % 2 == 1 {
                out.push(if element == COMMENT { b' ' } else { 0 });
            }
        };
        if !self.sop_class.is_empty() {
            put(SOP_CLASS, self.sop_class.as_bytes());
        }
        put(FIELD, &self.field.to_le_bytes());
        put(if is_response { ANSWERED_ID } else { MESSAGE_ID }, &self.message_id.to_le_bytes());
        if self.field == fields::STORE {
            put(PRIORITY, &[0, 0]);
        }
        let data = if self.has_data { DATA_FOLLOWS } else { NO_DATA };
        put(DATA_SET_TYPE, &data.to_le_bytes());
        if is_response {
            put(STATUS, &self.status.to_le_bytes());
        }
        let comment = &self.comment.as_bytes()[..self.comment.len().min(LONGEST_COMMENT)];
        if !comment.is_empty() {
            put(COMMENT, comment);
        }
        if !self.sop_instance.is_empty() {
            put(SOP_INSTANCE, self.sop_instance.as_bytes());
        }
        let length = (out.len() as u32).to_le_bytes();
        [&[0, 0, 0, 0, 4, 0, 0, 0][..], &length, &out].concat()
    }

    /// The response to this request.
    pub(super) fn response(&self, status: u16, comment: &str) -> Self {
        Self {
            field: self.field | fields::ANSWER,
            message_id: self.message_id,
            sop_class: self.sop_class.clone(),
            sop_instance: self.sop_instance.clone(),
            has_data: false,
            status,
            comment: comment.to_owned(),
        }
    }
}

fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(value).trim_matches(['\0', ' ']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> Command {
        Command {
            field: fields::STORE,
            message_id: 7,
            sop_class: "1.2.840.10008.5.1.4.1.1.1".to_owned(),
            sop_instance: "1.2.3".to_owned(),
            has_data: true,
            ..Command::default()
        }
    }

    #[test]
    fn a_command_survives_a_round_trip() {
        let request = store();
        assert_eq!(Command::read(&request.bytes()), Some(request.clone()));
        let response = request.response(0xA700, "no space");
        assert_eq!((response.field, response.message_id), (0x8001, 7));
        assert_eq!(Command::read(&response.bytes()), Some(response));
    }

    #[test]
    fn an_echo_has_the_bytes_of_the_standard() {
        let echo = Command { field: fields::ECHO, message_id: 1, ..Command::default() };
        let want = [
            0u8, 0, 0, 0, 4, 0, 0, 0, 30, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0x30, 0, 0, 0, 0x10, 1,
            2, 0, 0, 0, 1, 0, 0, 0, 0, 8, 2, 0, 0, 0, 1, 1,
        ];
        assert_eq!(echo.bytes(), want);
    }

    #[test]
    fn truncated_and_damaged_commands_do_not_panic() {
        let bytes = store().bytes();
        for end in 0..bytes.len() {
            let _ = Command::read(&bytes[..end]);
            for value in [0, 1, 0x7F, 0xFF] {
                let mut damaged = bytes.clone();
                damaged[end] = value;
                let _ = Command::read(&damaged);
            }
        }
        assert_eq!(Command::read(&bytes[..bytes.len() - 1]), None);
        assert_eq!(Command::read(&[]), None);
    }
}
