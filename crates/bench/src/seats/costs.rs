//! What a device, a frame and a machine cost: the inputs of the simulation.

use clap::Args;

/// What things cost. The defaults are measured (`usher-bench fanout` and `storm`) or, where they are of other people's
/// machines and networks, assumed; each is an argument.
#[derive(Args, Clone, Copy, Debug)]
pub struct Costs {
    /// Devices for each seat: 1 for a full house where everybody has the app open.
    #[arg(long, default_value_t = 1.0)]
    pub devices_per_seat: f64,
    /// Most devices that one edge is given.
    #[arg(long, default_value_t = 50_000)]
    pub devices_per_edge: u32,
    /// Memory of an edge that a connected device holds, kernel included, in KiB. Measured.
    #[arg(long, default_value_t = 20.0)]
    pub device_kib: f64,
    /// Processor time of an edge to send a change to one device, in microseconds. Measured.
    #[arg(long, default_value_t = 8.0)]
    pub send_micros: f64,
    /// Processor time of an edge to take in one device that comes back: TCP, TLS, hello and values, in microseconds.
    /// Measured without TLS, to which a resumed handshake of about 200 µs is added.
    #[arg(long, default_value_t = 350.0)]
    pub connect_micros: f64,
    /// Bytes of a change on the wire.
    #[arg(long, default_value_t = 1_000)]
    pub change_bytes: u32,
    /// Bytes that a device is sent when it comes back: the values of a hundred flags.
    #[arg(long, default_value_t = 12_000)]
    pub values_bytes: u32,
    /// Bytes that an edge is sent when it comes back: the documents of its venue.
    #[arg(long, default_value_t = 4_000_000)]
    pub snapshot_bytes: u32,
    /// Bytes of an edge's count of its devices.
    #[arg(long, default_value_t = 2_000)]
    pub census_bytes: u32,
    /// Times a second that an edge sends its count while a change is under way.
    #[arg(long, default_value_t = 4.0)]
    pub censuses_per_second: f64,
    /// Processor cores of an edge, and of a server node.
    #[arg(long, default_value_t = 4)]
    pub cores: u32,
    /// Memory of an edge, in GiB.
    #[arg(long, default_value_t = 8.0)]
    pub edge_gib: f64,
    /// Bandwidth of an edge and of a server node, in Gbit/s.
    #[arg(long, default_value_t = 1.0)]
    pub gigabits: f64,
    /// Server nodes.
    #[arg(long, default_value_t = 3)]
    pub nodes: u32,
    /// Median one-way time from a node to an edge, in milliseconds. Assumed: edges are on all continents.
    #[arg(long, default_value_t = 60.0)]
    pub edge_millis: f64,
    /// Median one-way time from an edge to a device, in milliseconds. Assumed: a crowded cell.
    #[arg(long, default_value_t = 60.0)]
    pub device_millis: f64,
    /// How far such times scatter: the standard deviation of their logarithm. 0.8 makes the slowest of a hundred take
    /// six times the median.
    #[arg(long, default_value_t = 0.8)]
    pub scatter: f64,
    /// The share of devices whose connection is dead when the change comes, which nobody knows before two heartbeats.
    #[arg(long, default_value_t = 0.01)]
    pub dead_share: f64,
    /// Seconds between heartbeats.
    #[arg(long, default_value_t = 15.0)]
    pub heartbeat: f64,
    /// Longest wait of the full jitter before a device comes back, in seconds.
    #[arg(long, default_value_t = 30.0)]
    pub jitter: f64,
}

impl Costs {
    /// Bytes a second that a machine can send.
    pub fn bytes_per_second(&self) -> f64 {
        self.gigabits * 1e9 / 8.0
    }

    /// Seconds from the first to the last of so many frames, which go out one by one on every core: whichever is
    /// slower, the processor or the line.
    pub fn seconds_to_send(&self, frames: f64, bytes: u32) -> f64 {
        let processor = frames * self.send_micros / 1e6 / f64::from(self.cores);
        processor.max(frames * f64::from(bytes) / self.bytes_per_second())
    }

    /// Devices a second that an edge can take in: whichever is less, the processor's or the line's.
    pub fn connects_per_second(&self) -> f64 {
        let processor = f64::from(self.cores) * 1e6 / self.connect_micros;
        processor.min(self.bytes_per_second() / f64::from(self.values_bytes))
    }

    /// Why these can't be simulated, if so.
    pub fn problem(&self) -> Option<String> {
        let positive = [
            ("--devices-per-seat", self.devices_per_seat),
            ("--device-kib", self.device_kib),
            ("--send-micros", self.send_micros),
            ("--connect-micros", self.connect_micros),
            ("--edge-gib", self.edge_gib),
            ("--gigabits", self.gigabits),
            ("--edge-millis", self.edge_millis),
            ("--device-millis", self.device_millis),
            ("--heartbeat", self.heartbeat),
            ("--jitter", self.jitter),
            ("--devices-per-edge", self.devices_per_edge.into()),
            ("--values-bytes", self.values_bytes.into()),
            ("--cores", self.cores.into()),
            ("--nodes", self.nodes.into()),
        ];
        let wrong = positive.into_iter().find(|(_, value)| !(value.is_finite() && *value > 0.0));
        if let Some((name, value)) = wrong {
            return Some(format!("{name} is {value}: give a number above 0"));
        }
        let shares = [("--dead-share", self.dead_share, 1.0), ("--scatter", self.scatter, 3.0)];
        let wrong = shares.into_iter().find(|(_, value, most)| !(0.0..=*most).contains(value));
        wrong.map(|(name, value, most)| format!("{name} is {value}: give a number from 0 to {most}"))
    }
}
