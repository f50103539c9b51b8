// Reads structured reports as viewers made with Cornerstone3D (OHIF among them) do, and says what they found.
//
//     adapters.mjs REPORT.dcm COLUMNS ROWS ...
//
// prints for each report one line: a JSON list of [tool, tracking UID, label, finding, finding sites, x, y], in pixels
// from the centre of the top-left one. Needs @cornerstonejs/adapters, @cornerstonejs/core and dcmjs.

import { readFileSync } from 'node:fs';
import { adaptersSR } from '@cornerstonejs/adapters';
import { metaData } from '@cornerstonejs/core';
import dcmjs from 'dcmjs';

const { DicomMessage, DicomMetaDictionary } = dcmjs.data;
const { MeasurementReport } = adaptersSR.Cornerstone3D;

// The film as a plane whose millimetres are its pixels.
let size = [0, 0];
metaData.addProvider((type) => type === 'imagePlaneModule' ? {
  frameOfReferenceUID: '2.25.1', rows: size[1], columns: size[0], rowPixelSpacing: 1, columnPixelSpacing: 1,
  imageOrientationPatient: [1, 0, 0, 0, 1, 0], rowCosines: [1, 0, 0], columnCosines: [0, 1, 0],
  imagePositionPatient: [0, 0, 0], usingDefaultValues: true,
} : undefined);

for (let i = 2; i < process.argv.length; i += 3) {
  const file = readFileSync(process.argv[i]);
  size = [Number(process.argv[i + 1]), Number(process.argv[i + 2])];
  // As viewers read: else a film in several character sets is an error already, and so are results for it.
  const bytes = file.buffer.slice(file.byteOffset, file.byteOffset + file.byteLength);
  const dataset = DicomMetaDictionary.naturalizeDataset(DicomMessage.readFile(bytes, { ignoreErrors: true }).dict);
  const evidence = [].concat(dataset.CurrentRequestedProcedureEvidenceSequence)[0];
  const series = [].concat(evidence.ReferencedSeriesSequence)[0];
  const film = [].concat(series.ReferencedSOPSequence)[0].ReferencedSOPInstanceUID;
  const found = MeasurementReport.generateToolState(dataset, { [`${film}:1`]: "film" }, metaData);
  const points = Object.entries(found).flatMap(([tool, states]) => states.map((state) => {
    const { label, handles } = state.annotation.data;
    const sites = state.findingSites.map((site) => [].concat(site)[0].CodeMeaning);
    const finding = [].concat(state.finding)[0].CodeMeaning;
    return [tool, state.TrackingUniqueIdentifier, label, finding, sites, handles.points[0][0], handles.points[0][1]];
  }));
  console.log(JSON.stringify(points));
}
