//! Two hosts of their own on this machine, and a link between them that is as bad as a test wants it: packets are lost,
//! late, or carried in one direction only, and nobody is told.
//!
//! The hosts are network namespaces, made with `ip` of Debian's iproute2, which needs root. Each has a TUN device; what is
//! sent into one comes out of the other, by a task here that loses and delays it. The kernel's `netem` would do the same,
//! where it is built in.
// A fixture that breaks should fail loudly.
#![allow(clippy::unwrap_used, clippy::panic, clippy::missing_panics_doc)]

use std::{
    fs::File,
    os::fd::AsFd as _,
    path::Path,
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use rustix::{
    mount::{MountPropagationFlags, mount_bind, mount_change},
    thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space, unshare_unsafe},
};
use tokio::sync::{mpsc, watch};
use tun_rs::{AsyncDevice, DeviceBuilder};

/// The largest packet, in bytes; as on a usual network.
const PACKET_BYTES: usize = 1_500;
/// Packets that are under way in one direction, at most; more are lost, as on a router that is full.
const UNDER_WAY: usize = 4_096;

/// One of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// Where servers are.
    Near,
    /// Where whoever uses them is: a venue.
    Far,
}

impl Host {
    /// Its address on the link.
    #[must_use]
    pub fn address(self) -> &'static str {
        match self {
            Self::Near => "10.77.0.1",
            Self::Far => "10.77.0.2",
        }
    }

    fn other(self) -> Self {
        match self {
            Self::Near => Self::Far,
            Self::Far => Self::Near,
        }
    }
}

/// How bad the link is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Impairment {
    /// The share of packets that are lost, in each direction: 0 for none, 1 for all.
    pub loss: f64,
    /// How long each packet takes in each direction.
    pub delay: Duration,
    /// Whether anything gets from the near host to the far one.
    pub to_far: bool,
    /// Whether anything gets from the far host to the near one.
    pub to_near: bool,
}

impl Impairment {
    /// A link on which nothing is lost or late.
    pub const NONE: Self = Self { loss: 0.0, delay: Duration::ZERO, to_far: true, to_near: true };
    /// A link that carries nothing.
    pub const PARTED: Self = Self { to_far: false, to_near: false, ..Self::NONE };

    fn carries_to(&self, host: Host) -> bool {
        match host {
            Host::Near => self.to_near,
            Host::Far => self.to_far,
        }
    }
}

/// The two hosts, until they are dropped.
pub struct Hosts {
    names: [String; 2],
    link: watch::Sender<Impairment>,
    carried: Arc<[AtomicU64; 2]>,
    carrier: Option<JoinHandle<()>>,
}

impl Hosts {
    /// Two hosts with a good link. `seed` decides which packets are lost, as far as the machine's timing allows.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        static HOSTS: AtomicU32 = AtomicU32::new(0);
        let n = HOSTS.fetch_add(1, Ordering::Relaxed);
        let names = ["near", "far"].map(|side| format!("usher-{}-{n}-{side}", std::process::id()));
        for name in &names {
            ip(&["netns", "add", name]);
            ip(&["-n", name, "link", "set", "lo", "up"]);
        }
        let (link, carried) = (watch::channel(Impairment::NONE).0, Arc::<[AtomicU64; 2]>::default());
        let carrier = thread::spawn({
            let (names, link, carried) = (names.clone(), link.subscribe(), Arc::clone(&carried));
            move || carry(&names, link, &carried, seed)
        });
        let hosts = Self { names, link, carried, carrier: Some(carrier) };
        for host in [Host::Near, Host::Far] {
            let name = hosts.name(host);
            // The device is made by the carrier, a moment later.
            crate::redis::wait("the link is there", || {
                let show = Command::new("ip").args(["-n", name, "link", "show", "dev", "road"]).output();
                show.is_ok_and(|output| output.status.success())
            });
            let (own, other) = (format!("{}/32", host.address()), host.other().address());
            ip(&["-n", name, "addr", "add", &own, "peer", other, "dev", "road"]);
            ip(&["-n", name, "link", "set", "dev", "road", "up", "mtu", &PACKET_BYTES.to_string()]);
        }
        hosts
    }

    fn name(&self, host: Host) -> &str {
        match host {
            Host::Near => &self.names[0],
            Host::Far => &self.names[1],
        }
    }

    /// How bad the link is from now on.
    pub fn set(&self, impairment: Impairment) {
        self.link.send_replace(impairment);
    }

    /// Bytes that have been carried to a host, headers included.
    #[must_use]
    pub fn carried_to(&self, host: Host) -> u64 {
        self.carried[host as usize].load(Ordering::Relaxed)
    }

    /// A command like this one, that is run on a host.
    #[must_use]
    pub fn command(&self, host: Host, command: &Command) -> Command {
        let mut on_host = Command::new("ip");
        on_host.args(["netns", "exec", self.name(host)]).arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => on_host.env(name, value),
                None => on_host.env_remove(name),
            };
        }
        on_host
    }

    /// Does something on a host, in a thread of this process.
    pub fn spawn<T: Send + 'static>(
        &self,
        host: Host,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> JoinHandle<T> {
        let name = self.name(host).to_owned();
        thread::spawn(move || {
            enter(&name);
            work()
        })
    }

    /// The same, where names are looked up in a file like `/etc/hosts`: what is written to it holds from then on.
    pub fn spawn_with_names<T: Send + 'static>(
        &self,
        host: Host,
        names: &Path,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> JoinHandle<T> {
        let names = names.to_owned();
        self.spawn(host, move || {
            // What is mounted from here on is seen by this thread alone, and by those that it starts.
            // SAFETY: it is unsafe for tables of open files only, which stay shared.
            #[allow(unsafe_code)]
            unsafe { unshare_unsafe(UnshareFlags::NEWNS) }.unwrap();
            let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
            mount_change("/", private).unwrap();
            mount_bind(&names, "/etc/hosts").unwrap();
            work()
        })
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        // The carrier ends when nobody can say any more how the link is.
        self.link = watch::channel(Impairment::NONE).0;
        drop(self.carrier.take().map(JoinHandle::join));
        for name in &self.names {
            drop(Command::new("ip").args(["netns", "del", name]).status());
        }
    }
}

fn ip(arguments: &[&str]) {
    let output = Command::new("ip").args(arguments).output();
    let output = output.expect("the Debian package `iproute2` is missing");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "ip {}: {said} (hosts of their own need root)", arguments.join(" "));
}

/// Moves this thread to a host.
fn enter(name: &str) {
    let namespace = File::open(format!("/run/netns/{name}")).unwrap();
    move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
}

fn carry(names: &[String; 2], link: watch::Receiver<Impairment>, carried: &[AtomicU64; 2], seed: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let devices = names.each_ref().map(|name| {
            // A device belongs to where it was made, whoever uses it.
            enter(name);
            DeviceBuilder::new().name("road").build_async().unwrap()
        });
        let [near, far] = &devices;
        let dice = Mutex::new(Dice(seed));
        let mut ends = link.clone();
        tokio::select! {
            () = direction(near, far, Host::Far, link.clone(), &dice, carried) => {}
            () = direction(far, near, Host::Near, link, &dice, carried) => {}
            () = async { while ends.changed().await.is_ok() {} } => {}
        }
    });
}

/// Carries what comes from one device to the other, until it is dropped.
async fn direction(
    from: &AsyncDevice,
    into: &AsyncDevice,
    host: Host,
    link: watch::Receiver<Impairment>,
    dice: &Mutex<Dice>,
    carried: &[AtomicU64; 2],
) {
    let (sender, mut late) = mpsc::channel::<(Instant, Vec<u8>)>(UNDER_WAY);
    let takes = async {
        let mut buffer = [0; PACKET_BYTES + 64];
        loop {
            let Ok(bytes) = from.recv(&mut buffer).await else { continue };
            let impairment = *link.borrow();
            let lost = dice.lock().unwrap().roll() < impairment.loss;
            if impairment.carries_to(host) && !lost {
                drop(sender.try_send((Instant::now() + impairment.delay, buffer[..bytes].to_vec())));
            }
        }
    };
    let gives = async {
        while let Some((due, packet)) = late.recv().await {
            tokio::time::sleep_until(due.into()).await;
            carried[host as usize].fetch_add(packet.len() as u64, Ordering::Relaxed);
            // A host that takes nothing has lost it.
            drop(into.send(&packet).await);
        }
    };
    tokio::join!(takes, gives);
}

/// Numbers that look random: SplitMix64, by Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", 2014.
struct Dice(u64);

impl Dice {
    /// From 0 to 1.
    #[allow(clippy::cast_precision_loss)] // 53 bits.
    fn roll(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((bits ^ (bits >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read as _, Write as _},
        net::{TcpListener, TcpStream, UdpSocket},
    };

    use super::*;

    /// How many of 200 packets arrive, and how long the first takes.
    fn arriving(hosts: &Hosts, from: Host, to: Host) -> (usize, Duration) {
        let listens = hosts.spawn(to, move || {
            let socket = UdpSocket::bind((to.address(), 0)).unwrap();
            socket.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
            socket
        });
        let socket = listens.join().unwrap();
        let address = socket.local_addr().unwrap();
        let sender = hosts.spawn(from, move || UdpSocket::bind((from.address(), 0)).unwrap()).join().unwrap();
        let begun = Instant::now();
        for n in 0..200_u32 {
            sender.send_to(&n.to_le_bytes(), address).unwrap();
        }
        let (mut arrived, mut first) = (0, Duration::ZERO);
        while socket.recv(&mut [0; 8]).is_ok() {
            if arrived == 0 {
                first = begun.elapsed();
            }
            arrived += 1;
        }
        (arrived, first)
    }

    #[test]
    fn a_link_is_as_bad_as_it_is_made() {
        let hosts = Hosts::new(1);
        assert_eq!(arriving(&hosts, Host::Far, Host::Near).0, 200);
        hosts.set(Impairment { loss: 0.3, ..Impairment::NONE });
        let (arrived, _) = arriving(&hosts, Host::Near, Host::Far);
        assert!((105..175).contains(&arrived), "{arrived} of 200 arrived");
        hosts.set(Impairment { delay: Duration::from_millis(300), ..Impairment::NONE });
        let (arrived, first) = arriving(&hosts, Host::Near, Host::Far);
        assert!(arrived == 200 && first >= Duration::from_millis(300), "{arrived} after {first:?}");
        hosts.set(Impairment { to_far: false, ..Impairment::NONE });
        assert_eq!(arriving(&hosts, Host::Near, Host::Far).0, 0);
        assert_eq!(arriving(&hosts, Host::Far, Host::Near).0, 200, "the other direction is as it was");
        hosts.set(Impairment::PARTED);
        assert_eq!(arriving(&hosts, Host::Far, Host::Near).0, 0);
    }

    #[test]
    fn a_connection_outlives_a_bad_link_and_other_hosts_have_the_same_addresses() {
        let (hosts, other) = (Hosts::new(2), Hosts::new(3));
        let listener = hosts.spawn(Host::Near, || TcpListener::bind((Host::Near.address(), 7080)).unwrap());
        let listener = listener.join().unwrap();
        other.spawn(Host::Near, || TcpListener::bind((Host::Near.address(), 7080)).unwrap()).join().unwrap();
        let client = hosts.spawn(Host::Far, || TcpStream::connect((Host::Near.address(), 7080)).unwrap());
        let (mut server, _) = listener.accept().unwrap();
        let mut client = client.join().unwrap();
        hosts.set(Impairment { loss: 0.2, delay: Duration::from_millis(20), ..Impairment::NONE });
        server.write_all(&[7; 100_000]).unwrap();
        let mut all = vec![0; 100_000];
        client.read_exact(&mut all).unwrap();
        assert!(all.iter().all(|byte| *byte == 7));
        assert!(hosts.carried_to(Host::Far) > 100_000);
    }
}
