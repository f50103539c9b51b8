//! Association negotiation.

use std::collections::BTreeMap;

use dicom_dictionary_std::uids;
use dicom_ul::pdu::{
    AssociationAC, AssociationRJ, AssociationRJResult, AssociationRJServiceProviderASCEReason,
    AssociationRJServiceProviderPresentationReason, AssociationRJServiceUserReason,
    AssociationRJSource, AssociationRQ, PresentationContextProposed, PresentationContextResult,
    PresentationContextResultReason as Why, UserVariableItem,
};

use super::{
    config::Node,
    uid::{IMPLEMENTATION, IMPLEMENTATION_NAME},
};
use fiducia::radiograph::dicom::header;

/// Accepted images: computed radiography, digital X-ray, intra-oral, scanned films.
pub(super) const IMAGES: [&str; 6] = [
    uids::COMPUTED_RADIOGRAPHY_IMAGE_STORAGE,
    uids::DIGITAL_X_RAY_IMAGE_STORAGE_FOR_PRESENTATION,
    uids::DIGITAL_X_RAY_IMAGE_STORAGE_FOR_PROCESSING,
    uids::DIGITAL_INTRA_ORAL_X_RAY_IMAGE_STORAGE_FOR_PRESENTATION,
    uids::DIGITAL_INTRA_ORAL_X_RAY_IMAGE_STORAGE_FOR_PROCESSING,
    uids::SECONDARY_CAPTURE_IMAGE_STORAGE,
];
const APPLICATION_CONTEXT: &str = "1.2.840.10008.3.1.1.1";

/// An accepted presentation context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Context {
    pub(super) class: String,
    pub(super) syntax: String,
}

/// An accepted association.
#[derive(Debug)]
pub(super) struct Accepted {
    pub(super) contexts: BTreeMap<u8, Context>,
    pub(super) answer: AssociationAC,
}

/// A rejected association; `reason` is the label in the metrics.
#[derive(Debug)]
pub(super) struct Rejected {
    pub(super) reason: &'static str,
    pub(super) answer: AssociationRJ,
}

impl Rejected {
    /// The limit of associations is reached; the peer may try again.
    pub(super) fn full() -> Self {
        use AssociationRJServiceProviderPresentationReason::LocalLimitExceeded;
        let source = AssociationRJSource::ServiceProviderPresentation(LocalLimitExceeded);
        let answer = AssociationRJ { result: AssociationRJResult::Transient, source };
        Self { reason: "associations", answer }
    }

    /// The node is stopping; the peer may try again.
    pub(super) fn stopping() -> Self {
        use AssociationRJServiceProviderPresentationReason::TemporaryCongestion;
        let source = AssociationRJSource::ServiceProviderPresentation(TemporaryCongestion);
        let answer = AssociationRJ { result: AssociationRJResult::Transient, source };
        Self { reason: "stopping", answer }
    }

    fn permanent(reason: &'static str, source: AssociationRJSource) -> Self {
        let answer = AssociationRJ { result: AssociationRJResult::Permanent, source };
        Self { reason, answer }
    }
}

/// Accepts or rejects an association. In each context the first proposed transfer syntax that can be read is accepted.
pub(super) fn negotiate(
    request: &AssociationRQ,
    node: &Node,
    largest_pdu: u32,
) -> Result<Accepted, Rejected> {
    use AssociationRJServiceProviderASCEReason as Provider;
    use AssociationRJServiceUserReason as User;
    let user = AssociationRJSource::ServiceUser;
    if request.protocol_version & 1 == 0 {
        let source =
            AssociationRJSource::ServiceProviderASCE(Provider::ProtocolVersionNotSupported);
        return Err(Rejected::permanent("protocol", source));
    }
    if request.application_context_name.trim_matches(['\0', ' ']) != APPLICATION_CONTEXT {
        let source = user(User::ApplicationContextNameNotSupported);
        return Err(Rejected::permanent("application_context", source));
    }
    if request.called_ae_title != node.ae {
        return Err(Rejected::permanent("called_ae", user(User::CalledAETitleNotRecognized)));
    }
    if !node.calling.is_empty() && !node.calling.contains(&request.calling_ae_title) {
        return Err(Rejected::permanent("calling_ae", user(User::CallingAETitleNotRecognized)));
    }
    let mut contexts = BTreeMap::new();
    let mut results = Vec::new();
    for proposed in &request.presentation_contexts {
        let accepted = accept(proposed).and_then(|context| {
            // Context IDs must be odd and unique (PS3.8, 9.3.2.2).
            let is_new = !contexts.contains_key(&proposed.id) && proposed.id % 2 == 1;
            is_new.then_some(context).ok_or(Why::NoReason)
        });
        let (reason, transfer_syntax) = match accepted {
            Ok(context) => {
                let syntax = context.syntax.clone();
                contexts.insert(proposed.id, context);
                (Why::Acceptance, syntax)
            }
            // The field is not significant in a rejected context, but must be present.
            Err(why) => (why, uids::IMPLICIT_VR_LITTLE_ENDIAN.to_owned()),
        };
        results.push(PresentationContextResult { id: proposed.id, reason, transfer_syntax });
    }
    let answer = AssociationAC {
        protocol_version: 1,
        calling_ae_title: request.calling_ae_title.clone(),
        called_ae_title: request.called_ae_title.clone(),
        application_context_name: APPLICATION_CONTEXT.to_owned(),
        presentation_contexts: results,
        user_variables: vec![
            UserVariableItem::MaxLength(largest_pdu),
            UserVariableItem::ImplementationClassUID(IMPLEMENTATION.to_owned()),
            UserVariableItem::ImplementationVersionName(IMPLEMENTATION_NAME.to_owned()),
        ],
    };
    Ok(Accepted { contexts, answer })
}

fn accept(proposed: &PresentationContextProposed) -> Result<Context, Why> {
    let trimmed = |uid: &str| uid.trim_matches(['\0', ' ']).to_owned();
    let class = trimmed(&proposed.abstract_syntax);
    let is_echo = class == uids::VERIFICATION;
    if !is_echo && !IMAGES.contains(&class.as_str()) {
        return Err(Why::AbstractSyntaxNotSupported);
    }
    let is_supported = |syntax: &String| {
        let is_uncompressed =
            [uids::IMPLICIT_VR_LITTLE_ENDIAN, uids::EXPLICIT_VR_LITTLE_ENDIAN].contains(&&**syntax);
        if is_echo { is_uncompressed } else { header::is_read(syntax) }
    };
    let syntax = proposed.transfer_syntaxes.iter().map(|uid| trimmed(uid)).find(is_supported);
    let syntax = syntax.ok_or(Why::TransferSyntaxesNotSupported)?;
    Ok(Context { class, syntax })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(contexts: &[(u8, &str, &[&str])]) -> AssociationRQ {
        let context = |&(id, class, syntaxes): &(u8, &str, &[&str])| PresentationContextProposed {
            id,
            abstract_syntax: class.to_owned(),
            transfer_syntaxes: syntaxes.iter().map(|&s| s.to_owned()).collect(),
        };
        AssociationRQ {
            protocol_version: 1,
            calling_ae_title: "MODALITY".to_owned(),
            called_ae_title: "FIDUCIA".to_owned(),
            application_context_name: APPLICATION_CONTEXT.to_owned(),
            presentation_contexts: contexts.iter().map(context).collect(),
            user_variables: vec![],
        }
    }

    #[test]
    fn only_readable_contexts_are_accepted() {
        const LITTLE: &str = uids::EXPLICIT_VR_LITTLE_ENDIAN;
        const VIDEO: &str = "1.2.840.10008.1.2.4.102";
        const CR: &str = uids::COMPUTED_RADIOGRAPHY_IMAGE_STORAGE;
        let asked = request(&[
            (1, uids::VERIFICATION, &[LITTLE]),
            (3, CR, &[VIDEO, "1.2.840.10008.1.2.4.70", LITTLE]),
            (5, CR, &[VIDEO]),
            (7, "1.2.840.10008.5.1.4.1.1.2", &[LITTLE]),
            (3, CR, &[LITTLE]),
            (8, CR, &[LITTLE]),
        ]);
        let accepted = negotiate(&asked, &Node::default(), 65_536).unwrap();
        let results = accepted.answer.presentation_contexts;
        let reasons: Vec<Why> = results.iter().map(|c| c.reason.clone()).collect();
        use Why::*;
        let want = [
            Acceptance,
            Acceptance,
            TransferSyntaxesNotSupported,
            AbstractSyntaxNotSupported,
            NoReason,
            NoReason,
        ];
        assert_eq!(reasons, want);
        assert_eq!(accepted.contexts.keys().copied().collect::<Vec<_>>(), [1, 3]);
        assert_eq!(accepted.contexts[&3].syntax, "1.2.840.10008.1.2.4.70");
    }

    #[test]
    fn unknown_titles_are_rejected() {
        let node = Node { calling: vec!["CR1".to_owned()], ..Node::default() };
        let reason = |asked: &AssociationRQ| negotiate(asked, &node, 65_536).unwrap_err().reason;
        let mut asked = request(&[]);
        assert_eq!(reason(&asked), "calling_ae");
        asked.calling_ae_title = "CR1".to_owned();
        assert!(negotiate(&asked, &node, 65_536).is_ok());
        asked.called_ae_title = "OTHER".to_owned();
        assert_eq!(reason(&asked), "called_ae");
        asked.application_context_name = "1.2".to_owned();
        assert_eq!(reason(&asked), "application_context");
        asked.protocol_version = 2;
        assert_eq!(reason(&asked), "protocol");
    }
}
