use super::*;

const SMALLEST: &str = r#"
spool = "queue"
[[rule]]
pack = "head.fid"
[[destination]]
name = "archive"
ae = "ARCHIVE"
address = "archive.example:104"
"#;

fn parse(text: &str) -> Result<Config, Error> {
    Config::parse(text, Path::new("/etc/fiducia"))
}

#[test]
fn defaults_are_safe() {
    let config = parse(SMALLEST).unwrap();
    assert_eq!(config.dicom.address, "127.0.0.1");
    assert_eq!(config.spool, Path::new("/etc/fiducia/queue"));
    assert_eq!(config.rules[0].pack, Path::new("/etc/fiducia/head.fid"));
    assert_eq!(config.kinds(), [KindName::Report3d, KindName::Presentation]);
    assert!(config.http.is_none() && config.watch.is_none());
}

#[test]
fn the_name_in_a_certificate_is_the_host_or_the_configured_name() {
    for (address, more, name) in [
        ("archive.example:104", "", "archive.example"),
        ("192.0.2.1:104", "", "192.0.2.1"),
        ("[2001:db8::1]:104", "", "2001:db8::1"),
        ("192.0.2.1:104", ", server_name = \"archive.example\"", "archive.example"),
    ] {
        let tls = format!("{SMALLEST}tls = {{ ca = \"ca.pem\"{more} }}\n");
        let config = parse(&tls.replace("archive.example:104", address)).unwrap();
        assert_eq!(config.destinations[0].server_name(), name);
        let ca = &config.destinations[0].tls.as_ref().unwrap().ca;
        assert_eq!(ca, Path::new("/etc/fiducia/ca.pem"));
    }
}

#[test]
fn unknown_keys_are_named() {
    for (add, named) in [
        ("colour = 1", "colour"),
        ("[dicom]\nportt = 1", "portt"),
        ("[dicom.tls]\ncertificate = \"a\"\nkey = \"b\"\nca = \"c\"", "ca"),
        ("[limits]\nobject_mb = 1", "object_mb"),
        ("[device]\ngpu = true", "gpu"),
        ("[http]\nport = 1", "port"),
        ("[watch]\nfolder = \"a\"\nevery = 1", "every"),
        ("[[rule]]\npack = \"a\"\nbodypart = [\"HEAD\"]", "bodypart"),
        ("[[destination]]\nname = \"b\"\nae = \"B\"\naddress = \"b:1\"\nport = 2", "port"),
        ("[[destination]]\nname = \"b\"\nae = \"B\"\naddress = \"b:1\"\nkinds = [\"sr\"]", "sr"),
    ] {
        let text = match add.starts_with('[') {
            true => format!("{SMALLEST}\n{add}"),
            false => format!("{add}\n{SMALLEST}"),
        };
        let error = parse(&text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage);
        let quoted = format!("`{named}`");
        assert!(error.to_string().contains(&quoted), "{add}: {error}");
    }
}

#[test]
fn invalid_values_are_rejected() {
    for (from, to, named) in [
        ("\"ARCHIVE\"", "\"A TITLE THAT IS TOO LONG\"", "not an AE title"),
        ("\"ARCHIVE\"", "\"\"", "not an AE title"),
        ("archive.example:104", "archive.example", "host:port"),
        ("\"archive\"", "\"../x\"", "letters"),
        ("[[rule]]\npack = \"head.fid\"", "", "[[rule]]"),
        ("spool = \"queue\"", "spool = \"queue\"\n[limits]\nassociations = 0", "associations"),
        ("spool = \"queue\"", "spool = \"queue\"\n[limits]\nmemory_mib = 1", "memory_mib"),
        (":104\"", ":104\"\ntls = { ca = \"a\", key = \"b\" }", "go together"),
        ("archive.example:104\"", "a b:104\"\ntls = { ca = \"a\" }", "server_name"),
    ] {
        let error = parse(&SMALLEST.replace(from, to)).unwrap_err();
        assert!(error.to_string().contains(named), "{to}: {error}");
    }
    let twice = format!("{SMALLEST}\n{}", &SMALLEST[SMALLEST.find("[[dest").unwrap()..]);
    assert!(parse(&twice).unwrap_err().to_string().contains("two destinations"));
}

#[test]
fn the_shipped_configuration_lacks_only_a_destination() {
    let shipped = include_str!("../../../cli/deb/serve.toml");
    assert!(parse(shipped).unwrap_err().to_string().contains("[[destination]]"));
    let uncommented = |line: &str| match line.strip_prefix('#') {
        Some(rest) if !rest.starts_with(' ') => rest.to_owned(),
        _ => line.to_owned(),
    };
    let whole: Vec<String> = shipped.lines().map(uncommented).collect();
    let config = parse(&whole.join("\n")).unwrap();
    assert_eq!((config.rules.len(), config.destinations.len()), (1, 1));
    assert!(config.dicom.tls.is_some());
    assert_eq!(config.destinations[0].server_name(), "archive.example");
}
