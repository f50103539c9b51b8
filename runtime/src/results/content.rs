//! Content items of a structured report (PS3.3, C.17.3).

use dicom_core::VR;
use dicom_dictionary_std::tags;

use super::charset::Charset;
use super::codes::Code;
use super::data_set::{DataSet, decimal};

/// How an item belongs to the one that holds it.
#[derive(Clone, Copy)]
pub(super) enum Relation {
    Contains,
    Modifies,
    Context,
    SelectedFrom,
    InferredFrom,
}

/// Writes content items in one character set.
pub(super) struct Content<'a> {
    pub(super) charset: &'a Charset,
}

impl Content<'_> {
    pub(super) fn text(&self, relation: Relation, name: Code, value: &str) -> DataSet {
        self.item(relation, "TEXT", Some(name)).text(
            tags::TEXT_VALUE,
            VR::UT,
            &self.charset.text(VR::UT, value),
        )
    }

    pub(super) fn code(&self, relation: Relation, name: Code, value: Code) -> DataSet {
        let value = vec![value.item(self.charset)];
        self.item(relation, "CODE", Some(name)).sequence(tags::CONCEPT_CODE_SEQUENCE, value)
    }

    pub(super) fn uid(&self, relation: Relation, name: Code, value: &str) -> DataSet {
        self.item(relation, "UIDREF", Some(name)).text(tags::UID, VR::UI, value)
    }

    /// A measured number; `None` for what is no number.
    pub(super) fn number(
        &self,
        name: Code,
        value: f64,
        unit: Code,
        inside: Vec<DataSet>,
    ) -> Option<DataSet> {
        let measured = DataSet::new()
            .text(tags::NUMERIC_VALUE, VR::DS, &decimal(value)?)
            .sequence(tags::MEASUREMENT_UNITS_CODE_SEQUENCE, vec![unit.item(self.charset)]);
        let item = self
            .item(Relation::Contains, "NUM", Some(name))
            .sequence(tags::MEASURED_VALUE_SEQUENCE, vec![measured]);
        Some(with_content(item, inside))
    }

    /// A reference to an image, whose item that is.
    pub(super) fn image(&self, relation: Relation, name: Option<Code>, film: DataSet) -> DataSet {
        self.item(relation, "IMAGE", name).sequence(tags::REFERENCED_SOP_SEQUENCE, vec![film])
    }

    /// A point on the image that `selected` refers to, in DICOM's coordinates.
    pub(super) fn point(
        &self,
        relation: Relation,
        name: Code,
        place: [f32; 2],
        selected: DataSet,
    ) -> DataSet {
        let item = self
            .item(relation, "SCOORD", Some(name))
            .text(tags::GRAPHIC_TYPE, VR::CS, "POINT")
            .numbers(tags::GRAPHIC_DATA, VR::FL, place.into());
        with_content(item, vec![selected])
    }

    /// A list of items, by the template that it follows, where it has one of its own.
    pub(super) fn container(
        &self,
        name: Code,
        template: Option<&str>,
        inside: Vec<DataSet>,
    ) -> DataSet {
        let item = self.item(Relation::Contains, "CONTAINER", Some(name));
        self.filled(item, template, inside)
    }

    /// The container that is the whole document.
    pub(super) fn root(
        &self,
        document: DataSet,
        name: Code,
        template: &str,
        inside: Vec<DataSet>,
    ) -> DataSet {
        let item = document.text(tags::VALUE_TYPE, VR::CS, "CONTAINER");
        let item = item.sequence(tags::CONCEPT_NAME_CODE_SEQUENCE, vec![name.item(self.charset)]);
        self.filled(item, Some(template), inside)
    }

    fn filled(&self, item: DataSet, template: Option<&str>, inside: Vec<DataSet>) -> DataSet {
        let item = item.text(tags::CONTINUITY_OF_CONTENT, VR::CS, "SEPARATE");
        let item = match template {
            Some(template) => {
                let follows = DataSet::new().text(tags::MAPPING_RESOURCE, VR::CS, "DCMR").text(
                    tags::TEMPLATE_IDENTIFIER,
                    VR::CS,
                    template,
                );
                item.sequence(tags::CONTENT_TEMPLATE_SEQUENCE, vec![follows])
            }
            None => item,
        };
        with_content(item, inside)
    }

    fn item(&self, relation: Relation, value_type: &str, name: Option<Code>) -> DataSet {
        let relation = match relation {
            Relation::Contains => "CONTAINS",
            Relation::Modifies => "HAS CONCEPT MOD",
            Relation::Context => "HAS OBS CONTEXT",
            Relation::SelectedFrom => "SELECTED FROM",
            Relation::InferredFrom => "INFERRED FROM",
        };
        let item = DataSet::new().text(tags::RELATIONSHIP_TYPE, VR::CS, relation).text(
            tags::VALUE_TYPE,
            VR::CS,
            value_type,
        );
        match name {
            Some(name) => {
                item.sequence(tags::CONCEPT_NAME_CODE_SEQUENCE, vec![name.item(self.charset)])
            }
            None => item,
        }
    }
}

/// Puts items inside another one.
pub(super) fn with_content(item: DataSet, inside: Vec<DataSet>) -> DataSet {
    if inside.is_empty() { item } else { item.sequence(tags::CONTENT_SEQUENCE, inside) }
}
