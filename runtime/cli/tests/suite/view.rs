//! `fiducia view`: requests of its page, and requests that are rejected.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use fiducia_test_support::http::{Response, request};

use crate::{dicom_command::dicom, toy};

struct Page {
    program: Child,
    address: SocketAddr,
}

impl Drop for Page {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

impl Page {
    fn open(folder: &tempfile::TempDir) -> Self {
        let pack = folder.path().join("toy.fid");
        std::fs::write(&pack, toy::pack()).unwrap();
        let mut program = Command::new(env!("CARGO_BIN_EXE_fiducia"))
            .args(["view", "--port", "0", "--backend", "cpu", "--model"])
            .arg(&pack)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut url = String::new();
        BufReader::new(program.stdout.take().unwrap()).read_line(&mut url).unwrap();
        let address = url.trim().strip_prefix("http://").unwrap().trim_end_matches('/');
        let address = address.parse().unwrap();
        Self { program, address }
    }

    fn request(&self, first: &str, headers: &str, body: &[u8]) -> Response {
        request(self.address, first, headers, body)
    }

    fn get(&self, path: &str) -> Response {
        self.request(&format!("GET {path}"), "", b"")
    }

    fn detect(&self, name: &str, body: &[u8]) -> Response {
        let first = format!("POST /detect?name={name}&spacing=0.5");
        self.request(&first, "X-Fiducia: 1\r\n", body)
    }
}

fn png(picture: image::GrayImage) -> Vec<u8> {
    toy::encode(&picture.into(), image::ImageFormat::Png)
}

#[test]
fn an_image_is_processed_and_its_result_can_be_exported() {
    let folder = tempfile::tempdir().unwrap();
    let page = Page::open(&folder);
    let Response { status, head, body } = page.get("/");
    assert_eq!(status, 200);
    assert!(head.contains("Content-Security-Policy") && body.starts_with(b"<!doctype html>"));

    let Response { status, body, .. } =
        page.detect("spots%20%C3%A9.png", &png(toy::picture(480, 600)));
    assert_eq!(status, 200);
    let result: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(result["image"], "spots é.png");
    assert_eq!((&result["plausible"], &result["dicom"]), (&true.into(), &false.into()));
    for (at, landmark) in toy::truth(600).iter().zip(result["landmarks"].as_array().unwrap()) {
        let x = landmark["x_px"].as_f64().unwrap();
        assert!((x - at[0]).abs() < 1.0, "{landmark}");
        assert!((landmark["x_mm"].as_f64().unwrap() - x / 2.0).abs() < 1e-9);
    }
    let export = |name: &str| page.get(&format!("/1/{name}"));
    assert!(export("overlay.png").body.starts_with(b"\x89PNG"));
    assert!(export("landmarks.csv").body.starts_with(b"image,landmark,"));
    assert!(serde_json::from_slice::<serde_json::Value>(&export("report.json").body).is_ok());
    assert_eq!(export("report.dcm").status, 404, "there is no patient to refer to");
    assert_eq!(export("measures.csv").status, 404, "spots have no measures");
    assert_eq!(page.get("/2/overlay.png").status, 404);
}

#[test]
fn a_dicom_image_gets_a_structured_report() {
    let folder = tempfile::tempdir().unwrap();
    let page = Page::open(&folder);
    let Response { status, body, .. } =
        page.detect("image.dcm", &dicom(&toy::picture(480, 600), "2.25.21"));
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
    let object = page.get("/1/report.dcm").body;
    assert_eq!(&object[128..132], b"DICM");
}

#[test]
fn refused_images_have_reasons_and_no_landmarks() {
    let folder = tempfile::tempdir().unwrap();
    let page = Page::open(&folder);
    let mut turned = toy::picture(480, 600);
    image::imageops::rotate180_in_place(&mut turned);
    let Response { status, body, .. } = page.detect("turned.png", &png(turned));
    assert_eq!(status, 200);
    let result: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        (&result["plausible"], result["landmarks"].as_array().unwrap().len()),
        (&false.into(), 0)
    );
    assert!(result["reasons"].to_string().contains("turned by 180 degrees"), "{result}");
    assert_eq!(page.get("/1/landmarks.csv").status, 404);

    let Response { status, body, .. } = page.detect("notes.txt", b"no image");
    assert_eq!(status, 422);
    assert!(String::from_utf8(body).unwrap().contains("notes.txt"));
}

#[test]
fn requests_of_other_sites_are_rejected() {
    let folder = tempfile::tempdir().unwrap();
    let page = Page::open(&folder);
    let image = png(toy::picture(480, 600));
    // A form of another site cannot set the header; a foreign name that resolves to this machine is another host.
    assert_eq!(page.request("POST /detect", "", &image).status, 405);
    assert_eq!(page.request("GET /", "Host: evil.example\r\n", b"").status, 403);
    assert_eq!(page.get("/../../etc/passwd").status, 404);
    assert_eq!(page.request("DELETE /1", "", b"").status, 405);
}
