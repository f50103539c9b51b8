//! Accepts connections, up to a limit, with a thread for each.

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
    metrics::Counter,
    session::{End, Reply, Session},
    shared::Shared,
    wire::{Fault, Wire},
};

/// Connections on which no association was requested yet, beside those with an association.
const PENDING_CONNECTIONS: usize = 64;
/// A connection without an association request is closed after this time.
const REQUEST_WAIT: Duration = Duration::from_secs(10);
/// Time to finish receiving an image when the node is stopped.
const LAST_IMAGE: Duration = Duration::from_secs(10);

/// The listening socket of the node.
pub(super) fn bind(shared: &Shared) -> io::Result<TcpListener> {
    TcpListener::bind((shared.config.dicom.address.as_str(), shared.config.dicom.port))
}

/// Accepts connections until the node is stopped and [`wake`] is called.
pub(super) fn listen(listener: &TcpListener, shared: &Arc<Shared>) {
    loop {
        let connection = listener.accept();
        if shared.is_stopping() {
            return;
        }
        match connection {
            Ok((stream, peer)) => admit(stream, peer, shared),
            Err(error) => {
                // Most likely too many open files: some will be closed.
                log::warn!("event=accept_failed error=\"{error}\"");
                thread::sleep(Duration::from_millis(100));
            }
        }
    }
}

/// Makes a thread that listens on `address` notice that the node is stopping.
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
    let max = shared.config.limits.associations + PENDING_CONNECTIONS;
    if shared.open.connections.fetch_add(1, Ordering::SeqCst) >= max {
        shared.open.connections.fetch_sub(1, Ordering::SeqCst);
        shared.metrics.count(Counter::AssociationsRefused, "connections");
        log::warn!("event=connection_refused peer={} reason=connections", peer.ip());
        return;
    }
    let own = Arc::clone(shared);
    let builder = thread::Builder::new().name("association".to_owned());
    let spawned = builder.spawn(move || {
        let _guard = CountGuard(&own.open.connections);
        let handled = catch_unwind(AssertUnwindSafe(|| handle(stream, peer, &own)));
        if handled.is_err() {
            // A panic ends this association only.
            own.metrics.count(Counter::AssociationsBroken, "fault");
            log::error!("event=association_broken peer={} reason=fault", peer.ip());
        }
    });
    if let Err(error) = spawned {
        shared.open.connections.fetch_sub(1, Ordering::SeqCst);
        log::error!("event=no_thread error=\"{error}\"");
    }
}

/// Decrements a counter when a connection or an association ends, in any way.
struct CountGuard<'a>(&'a AtomicUsize);

impl Drop for CountGuard<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn handle(stream: TcpStream, peer: SocketAddr, shared: &Shared) {
    let limits = &shared.config.limits;
    let mut wire = match Wire::new(stream, shared.tls.node.as_ref(), limits.pdu_bytes()) {
        Ok(wire) => wire,
        Err(error) => return log::warn!("event=connection_lost error=\"{error}\""),
    };
    if let Err(fault) = wire.handshake(REQUEST_WAIT, &|| shared.is_stopping()) {
        return reject_without_tls(&mut wire, shared, peer, &fault);
    }
    let mut session = Session::new(shared);
    let mut guard = None;
    let mut has_capacity = || {
        let associations = &shared.open.associations;
        let before = associations.fetch_add(1, Ordering::SeqCst);
        guard = Some(CountGuard(associations));
        before < limits.associations
    };
    let end = loop {
        let patience = if session.is_open() { limits.idle() } else { REQUEST_WAIT };
        let storing = session.is_storing();
        let stopped = || match shared.stopping_for() {
            None => false,
            Some(time) => !storing || time > LAST_IMAGE,
        };
        let reply = match wire.read(patience, &stopped) {
            Ok(pdu) => session.receive(pdu, &mut has_capacity),
            Err(fault) => break abort(&mut wire, &session, shared, peer, &fault),
        };
        let Reply { pdus, end } = reply;
        if let Err(fault) = pdus.iter().try_for_each(|pdu| wire.write(pdu)) {
            break abort(&mut wire, &session, shared, peer, &fault);
        }
        if let Some(end) = end {
            wire.close();
            break end;
        }
    };
    match end {
        End::Released => shared.metrics.count(Counter::Associations, "released"),
        End::AbortedByPeer => shared.metrics.count(Counter::Associations, "aborted_by_peer"),
        // Counted where it was rejected.
        End::Rejected => {}
        End::Broken(reason) => {
            shared.metrics.count(Counter::AssociationsBroken, reason);
            let (peer, from) = (peer.ip(), session.from());
            log::warn!("event=association_broken peer={peer} from={from} reason={reason}");
        }
    }
}

/// Rejects a peer with which the TLS handshake failed.
fn reject_without_tls(wire: &mut Wire, shared: &Shared, peer: SocketAddr, fault: &Fault) {
    match fault {
        Fault::Closed => shared.metrics.count(Counter::Associations, "none"),
        Fault::Stopped => {}
        _ => {
            shared.metrics.count(Counter::AssociationsRefused, "tls");
            let (peer, why) = (peer.ip(), fault.to_string().replace('"', "'"));
            log::warn!("event=association_refused peer={peer} reason=tls why=\"{why}\"");
            // Lets the peer read the TLS alert.
            wire.close();
        }
    }
}

/// Aborts the association, and tells the peer if the connection still works.
fn abort(
    wire: &mut Wire,
    session: &Session<'_>,
    shared: &Shared,
    peer: SocketAddr,
    fault: &Fault,
) -> End {
    // Monitoring tools open and close a connection to see whether the port is open.
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
