//! `fiducia view`: what a browser asks of it, and what others may not.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use crate::{dicom_command::film, toy};

struct Page {
    program: Child,
    host: String,
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
        let host = url.trim().strip_prefix("http://").unwrap().trim_end_matches('/').to_owned();
        Self { program, host }
    }

    /// Status, head and body of the answer.
    fn ask(&self, first: &str, headers: &str, body: &[u8]) -> (u16, String, Vec<u8>) {
        let mut stream = TcpStream::connect(&self.host).unwrap();
        let host = if headers.contains("Host:") {
            String::new()
        } else {
            format!("Host: {}\r\n", self.host)
        };
        let head = format!(
            "{first} HTTP/1.0\r\n{host}{headers}Content-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(answer[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, head, answer[end + 4..].to_vec())
    }

    fn detect(&self, name: &str, body: &[u8]) -> (u16, Vec<u8>) {
        let (status, _, body) =
            self.ask(&format!("POST /detect?name={name}&spacing=0.5"), "X-Fiducia: 1\r\n", body);
        (status, body)
    }
}

fn png(picture: &image::GrayImage) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

#[test]
fn an_image_is_measured_and_every_form_of_its_result_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let page = Page::open(&folder);
    let (status, head, body) = page.ask("GET /", "", b"");
    assert_eq!(status, 200);
    assert!(head.contains("Content-Security-Policy") && body.starts_with(b"<!doctype html>"));

    let (status, body) = page.detect("spots%20%C3%A9.png", &png(&toy::picture(480, 600)));
    assert_eq!(status, 200);
    let told: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(told["image"], "spots é.png");
    assert_eq!((&told["plausible"], &told["dicom"]), (&true.into(), &false.into()));
    for (at, landmark) in toy::truth(600).iter().zip(told["landmarks"].as_array().unwrap()) {
        let x = landmark["x_px"].as_f64().unwrap();
        assert!((x - at[0]).abs() < 1.0, "{landmark}");
        assert!((landmark["x_mm"].as_f64().unwrap() - x / 2.0).abs() < 1e-9);
    }
    let part = |name: &str| page.ask(&format!("GET /1/{name}"), "", b"");
    assert!(part("overlay.png").2.starts_with(b"\x89PNG"));
    assert!(part("landmarks.csv").2.starts_with(b"image,landmark,"));
    assert!(serde_json::from_slice::<serde_json::Value>(&part("report.json").2).is_ok());
    assert_eq!(part("report.dcm").0, 404, "there is no patient to refer to");
    assert_eq!(part("measures.csv").0, 404, "spots have none");
    assert_eq!(page.ask("GET /2/overlay.png", "", b"").0, 404);
}

#[test]
fn a_dicom_film_gets_a_report_for_the_archive() {
    let folder = tempfile::tempdir().unwrap();
    let page = Page::open(&folder);
    let (status, body) = page.detect("film.dcm", &film(&toy::picture(480, 600), "2.25.21"));
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
    let object = page.ask("GET /1/report.dcm", "", b"").2;
    assert_eq!(&object[128..132], b"DICM");
}

#[test]
fn refused_images_give_reasons_and_no_points() {
    let folder = tempfile::tempdir().unwrap();
    let page = Page::open(&folder);
    let mut turned = toy::picture(480, 600);
    image::imageops::rotate180_in_place(&mut turned);
    let (status, body) = page.detect("turned.png", &png(&turned));
    assert_eq!(status, 200);
    let told: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        (&told["plausible"], told["landmarks"].as_array().unwrap().len()),
        (&false.into(), 0)
    );
    assert!(told["reasons"].to_string().contains("turned by 180 degrees"), "{told}");
    assert_eq!(page.ask("GET /1/landmarks.csv", "", b"").0, 404);

    let (status, body) = page.detect("notes.txt", b"no image");
    assert_eq!(status, 422);
    assert!(String::from_utf8(body).unwrap().contains("notes.txt"));
}

#[test]
fn other_sites_are_kept_out() {
    let folder = tempfile::tempdir().unwrap();
    let page = Page::open(&folder);
    let image = png(&toy::picture(480, 600));
    // A form of another site cannot set the header; a name that was pointed here has another host.
    assert_eq!(page.ask("POST /detect", "", &image).0, 405);
    assert_eq!(page.ask("GET /", "Host: evil.example\r\n", b"").0, 403);
    assert_eq!(page.ask("GET /../../etc/passwd", "", b"").0, 404);
    assert_eq!(page.ask("DELETE /1", "", b"").0, 405);
}
