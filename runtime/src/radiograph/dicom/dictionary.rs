//! The attributes, classes and transfer syntaxes that are spoken of here, by the names of the standard (PS3.6).

/// Group and element of an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Tag(pub(super) u16, pub(super) u16);

macro_rules! attributes {
    ($($name:ident = $group:literal $element:literal $keyword:literal)*) => {
        /// Tags by name.
        pub(super) mod tags {
            use super::Tag;
            $(pub(in super::super) const $name: Tag = Tag($group, $element);)*
        }

        impl Tag {
            /// The keyword of the standard, of those that are known here.
            pub(super) fn keyword(self) -> Option<&'static str> {
                match self {
                    $(tags::$name => Some($keyword),)*
                    _ => None,
                }
            }
        }
    };
}

attributes! {
    TRANSFER_SYNTAX_UID = 0x0002 0x0010 "TransferSyntaxUID"
    SOP_CLASS_UID = 0x0008 0x0016 "SOPClassUID"
    MODALITY = 0x0008 0x0060 "Modality"
    DISTANCE_SOURCE_TO_DETECTOR = 0x0018 0x1110 "DistanceSourceToDetector"
    DISTANCE_SOURCE_TO_PATIENT = 0x0018 0x1111 "DistanceSourceToPatient"
    ESTIMATED_MAGNIFICATION = 0x0018 0x1114 "EstimatedRadiographicMagnificationFactor"
    IMAGER_PIXEL_SPACING = 0x0018 0x1164 "ImagerPixelSpacing"
    NOMINAL_SCANNED_PIXEL_SPACING = 0x0018 0x2010 "NominalScannedPixelSpacing"
    SAMPLES_PER_PIXEL = 0x0028 0x0002 "SamplesPerPixel"
    PHOTOMETRIC_INTERPRETATION = 0x0028 0x0004 "PhotometricInterpretation"
    NUMBER_OF_FRAMES = 0x0028 0x0008 "NumberOfFrames"
    ROWS = 0x0028 0x0010 "Rows"
    COLUMNS = 0x0028 0x0011 "Columns"
    PIXEL_SPACING = 0x0028 0x0030 "PixelSpacing"
    BITS_ALLOCATED = 0x0028 0x0100 "BitsAllocated"
    BITS_STORED = 0x0028 0x0101 "BitsStored"
    HIGH_BIT = 0x0028 0x0102 "HighBit"
    PIXEL_REPRESENTATION = 0x0028 0x0103 "PixelRepresentation"
    PIXEL_PADDING_VALUE = 0x0028 0x0120 "PixelPaddingValue"
    PIXEL_PADDING_RANGE_LIMIT = 0x0028 0x0121 "PixelPaddingRangeLimit"
    PIXEL_SPACING_CALIBRATION_TYPE = 0x0028 0x0A02 "PixelSpacingCalibrationType"
    WINDOW_CENTER = 0x0028 0x1050 "WindowCenter"
    WINDOW_WIDTH = 0x0028 0x1051 "WindowWidth"
    RESCALE_INTERCEPT = 0x0028 0x1052 "RescaleIntercept"
    RESCALE_SLOPE = 0x0028 0x1053 "RescaleSlope"
    VOI_LUT_FUNCTION = 0x0028 0x1056 "VOILUTFunction"
    MODALITY_LUT_SEQUENCE = 0x0028 0x3000 "ModalityLUTSequence"
    LUT_DESCRIPTOR = 0x0028 0x3002 "LUTDescriptor"
    LUT_DATA = 0x0028 0x3006 "LUTData"
    VOI_LUT_SEQUENCE = 0x0028 0x3010 "VOILUTSequence"
    PIXEL_DATA_PROVIDER_URL = 0x0028 0x7FE0 "PixelDataProviderURL"
    PRESENTATION_LUT_SHAPE = 0x2050 0x0020 "PresentationLUTShape"
    FLOAT_PIXEL_DATA = 0x7FE0 0x0008 "FloatPixelData"
    DOUBLE_FLOAT_PIXEL_DATA = 0x7FE0 0x0009 "DoubleFloatPixelData"
    PIXEL_DATA = 0x7FE0 0x0010 "PixelData"
}

/// Transfer syntaxes.
pub(super) mod syntaxes {
    pub(in super::super) const IMPLICIT_LITTLE: &str = "1.2.840.10008.1.2";
    pub(in super::super) const EXPLICIT_LITTLE: &str = "1.2.840.10008.1.2.1";
    pub(in super::super) const DEFLATED: &str = "1.2.840.10008.1.2.1.99";
    /// Retired, and still found in archives.
    pub(in super::super) const EXPLICIT_BIG: &str = "1.2.840.10008.1.2.2";
    pub(in super::super) const RLE: &str = "1.2.840.10008.1.2.5";
    pub(in super::super) const JPEG_BASELINE: &str = "1.2.840.10008.1.2.4.50";
    pub(in super::super) const JPEG_EXTENDED: &str = "1.2.840.10008.1.2.4.51";
    pub(in super::super) const JPEG_LOSSLESS: &str = "1.2.840.10008.1.2.4.57";
    pub(in super::super) const JPEG_LOSSLESS_FIRST: &str = "1.2.840.10008.1.2.4.70";
    pub(in super::super) const JPEG_LS: &str = "1.2.840.10008.1.2.4.80";
    pub(in super::super) const JPEG_LS_NEAR: &str = "1.2.840.10008.1.2.4.81";
    pub(in super::super) const JPEG_2000_LOSSLESS: &str = "1.2.840.10008.1.2.4.90";
    pub(in super::super) const JPEG_2000: &str = "1.2.840.10008.1.2.4.91";
}

/// What every storage class begins with.
const STORAGE: &str = "1.2.840.10008.5.1.4.1.1.";
/// Classes that are likely to be given by mistake, for messages.
const CLASS_NAMES: [(&str, &str); 16] = [
    ("2", "CT Image Storage"),
    ("2.1", "Enhanced CT Image Storage"),
    ("4", "MR Image Storage"),
    ("4.1", "Enhanced MR Image Storage"),
    ("6.1", "Ultrasound Image Storage"),
    ("20", "Nuclear Medicine Image Storage"),
    ("128", "Positron Emission Tomography Image Storage"),
    ("13.1.3", "Breast Tomosynthesis Image Storage"),
    ("77.1.4", "VL Photographic Image Storage"),
    ("11.1", "Grayscale Softcopy Presentation State Storage"),
    ("88.11", "Basic Text SR Storage"),
    ("88.22", "Enhanced SR Storage"),
    ("88.33", "Comprehensive SR Storage"),
    ("88.34", "Comprehensive 3D SR Storage"),
    ("88.67", "X-Ray Radiation Dose SR Storage"),
    ("104.1", "Encapsulated PDF Storage"),
];

/// `1.2.840… (CT Image Storage)`, where the name is known.
pub(super) fn named_class(uid: &str) -> String {
    let short = uid.strip_prefix(STORAGE);
    match CLASS_NAMES.iter().find(|(end, _)| short == Some(*end)) {
        Some((_, name)) => format!("{uid} ({name})"),
        None => uid.to_owned(),
    }
}
