//! The door: a thread for every connection, and not more of them than agreed.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use dicom_ul::pdu::{AbortRQServiceProviderReason, AbortRQSource, Pdu};

use super::{
    Shared,
    metrics::Counter,
    session::{End, Session, Turn},
    wire::{Fault, Wire},
};

/// Connections beside those with an association: on which the request has still to come.
const AT_THE_DOOR: usize = 64;
/// A connection on which none comes is closed after this time.
const REQUEST_WAIT: Duration = Duration::from_secs(10);
/// An image that is on its way in when the node is ended may come to its end within this time.
const LAST_IMAGE: Duration = Duration::from_secs(10);

/// Connections and associations that are open.
#[derive(Debug, Default)]
pub(super) struct Open {
    pub(super) connections: AtomicUsize,
    pub(super) associations: AtomicUsize,
}

/// The listening socket of the node.
pub(super) fn bind(shared: &Shared) -> io::Result<TcpListener> {
    TcpListener::bind((shared.config.dicom.address.as_str(), shared.config.dicom.port))
}

/// Takes connections until the node is ended and [`wake`] is called.
pub(super) fn listen(listener: &TcpListener, shared: &Arc<Shared>) {
    loop {
        let connection = listener.accept();
        if shared.is_stopping() {
            return;
        }
        match connection {
            Ok((stream, peer)) => admit(stream, peer, shared),
            Err(error) => {
                // Too many open files, most likely: some will be closed.
                log::warn!("event=accept_failed error=\"{error}\"");
                thread::sleep(Duration::from_millis(100));
            }
        }
    }
}

/// Lets a thread that listens at `address` see that the node is being ended.
pub(super) fn wake(mut address: SocketAddr) {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    let _ = TcpStream::connect_timeout(&address, Duration::from_secs(1));
}

fn admit(stream: TcpStream, peer: SocketAddr, shared: &Arc<Shared>) {
    let most = shared.config.limits.associations + AT_THE_DOOR;
    if shared.open.connections.fetch_add(1, Ordering::SeqCst) >= most {
        shared.open.connections.fetch_sub(1, Ordering::SeqCst);
        shared.metrics.count(Counter::AssociationsRefused, "connections");
        log::warn!("event=connection_refused peer={} reason=connections", peer.ip());
        return;
    }
    let own = Arc::clone(shared);
    let builder = thread::Builder::new().name("association".to_owned());
    let spawned = builder.spawn(move || {
        let _leave = Leave(&own.open.connections);
        let attended = catch_unwind(AssertUnwindSafe(|| attend(stream, peer, &own)));
        if attended.is_err() {
            // A fault of ours costs this association.
            own.metrics.count(Counter::AssociationsBroken, "fault");
            log::error!("event=association_broken peer={} reason=fault", peer.ip());
        }
    });
    if let Err(error) = spawned {
        shared.open.connections.fetch_sub(1, Ordering::SeqCst);
        log::error!("event=no_thread error=\"{error}\"");
    }
}

/// Counts down when a connection or an association is over, however it ends.
struct Leave<'a>(&'a AtomicUsize);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn attend(stream: TcpStream, peer: SocketAddr, shared: &Shared) {
    let limits = &shared.config.limits;
    let mut wire = match Wire::new(stream, shared.tls.node.as_ref(), limits.pdu_bytes()) {
        Ok(wire) => wire,
        Err(error) => return log::warn!("event=connection_lost error=\"{error}\""),
    };
    if let Err(fault) = wire.shake_hands(REQUEST_WAIT, &|| shared.is_stopping()) {
        return unsecured(&mut wire, shared, peer, &fault);
    }
    let mut session = Session::new(shared);
    let mut place = None;
    let mut room = || {
        let associations = &shared.open.associations;
        let before = associations.fetch_add(1, Ordering::SeqCst);
        place = Some(Leave(associations));
        before < limits.associations
    };
    let end = loop {
        let patience = if session.is_open() { limits.idle() } else { REQUEST_WAIT };
        let storing = session.is_storing();
        let stopped = || match shared.stopping_for() {
            None => false,
            Some(time) => !storing || time > LAST_IMAGE,
        };
        let turn = match wire.read(patience, &stopped) {
            Ok(pdu) => session.receive(pdu, &mut room),
            Err(fault) => break fail(&mut wire, &session, shared, peer, &fault),
        };
        let Turn { say, end } = turn;
        if let Err(fault) = say.iter().try_for_each(|pdu| wire.write(pdu)) {
            break fail(&mut wire, &session, shared, peer, &fault);
        }
        if let Some(end) = end {
            wire.close();
            break end;
        }
    };
    match end {
        End::Released => shared.metrics.count(Counter::Associations, "released"),
        End::AbortedByPeer => shared.metrics.count(Counter::Associations, "aborted_by_peer"),
        // Counted where it was found.
        End::Rejected => {}
        End::Broken(reason) => {
            shared.metrics.count(Counter::AssociationsBroken, reason);
            let (peer, from) = (peer.ip(), session.from());
            log::warn!("event=association_broken peer={peer} from={from} reason={reason}");
        }
    }
}

/// Turns away a peer with which there is no agreement on TLS.
fn unsecured(wire: &mut Wire, shared: &Shared, peer: SocketAddr, fault: &Fault) {
    match fault {
        Fault::Closed => shared.metrics.count(Counter::Associations, "none"),
        Fault::Stopped => {}
        _ => {
            shared.metrics.count(Counter::AssociationsRefused, "tls");
            let (peer, why) = (peer.ip(), fault.to_string().replace('"', "'"));
            log::warn!("event=association_refused peer={peer} reason=tls why=\"{why}\"");
            // What it was told is not lost.
            wire.close();
        }
    }
}

/// Tells the peer that it is over, as far as it still listens.
fn fail(
    wire: &mut Wire,
    session: &Session<'_>,
    shared: &Shared,
    peer: SocketAddr,
    fault: &Fault,
) -> End {
    // A connection that is opened and closed again is how others look whether somebody is there.
    if matches!(fault, Fault::Closed) && !session.is_open() {
        shared.metrics.count(Counter::Associations, "none");
        return End::Rejected;
    }
    log::debug!("peer={} {fault}", peer.ip());
    if !matches!(fault, Fault::Closed | Fault::Failed(_)) {
        let reason = AbortRQServiceProviderReason::ReasonNotSpecified;
        let source = AbortRQSource::ServiceProvider(reason);
        let _ = wire.write(&Pdu::AbortRQ { source });
        wire.close();
    }
    End::Broken(fault.reason())
}
