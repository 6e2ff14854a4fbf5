//! The stable name of one piece of luck, packed into 64 bits.
//!
//! Why: a schedule names its deviations by *causes* (`till-1.push.sale-2.try-2.reply`), never by counters across causes,
//! so that removing an op or adding a heartbeat renames nothing else. Text exists at the edges only: the hot path
//! compares integers. This file does not know what a label's fate may be (see [`crate::sim::choice`]).
//!
//! ```text
//! node 12 | channel 5 | cause kind 5 | cause number 17 | try 8 | point 5 | number 12
//! ```

use std::collections::BTreeMap;

/// A node's number: 0 is the server, devices count from 1. At most 4,095.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct NodeId(pub u16);

impl NodeId {
    /// The server.
    pub const SERVER: NodeId = NodeId(0);
    /// Whether this is the server.
    pub fn is_server(self) -> bool {
        self.0 == 0
    }
    /// As an index into a table of nodes.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// An op's number, given once by the generator or the scenario file and kept while shrinking. 0 is "no op": opening data.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct OpId(pub u32);

impl OpId {
    /// Opening data, or no op at all.
    pub const NONE: OpId = OpId(0);
    /// Whether this names an op.
    pub fn is_some(self) -> bool {
        self.0 != 0
    }
}

/// What a message, timer or step came from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Cause {
    /// A user's op.
    Op(OpId),
    /// The n-th time that a timer of this channel was set without another cause.
    Tick(Channel, u32),
    /// The node's n-th boot.
    Boot(u32),
    /// The n-th time that the device was told of a change of its link.
    Link(u32),
    /// The start of the final phase of a run that never heals.
    Finish,
}

/// A kind of traffic or timer that a system declares: an index into [`Names::channels`], from 1; 0 is none.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Channel(pub u8);

/// Where in an event's life the luck is drawn, or which interference it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
#[allow(missing_docs)]
pub enum Point {
    Op = 0,
    Send = 1,
    Reply = 2,
    Timer = 3,
    Step = 4,
    Draw = 5,
    Boot = 6,
    Refusal = 7,
    Offline = 10,
    Limited = 11,
    Flapping = 12,
    Deaf = 13,
    Mute = 14,
    Lying = 15,
    ClockOffset = 16,
    ClockDrift = 17,
    ClockJump = 18,
    Kill = 19,
    Background = 20,
    Wipe = 21,
    Overload = 22,
    Upgrade = 23,
    Restore = 24,
}

/// Every point that has a name in text; interferences come from [`Point::Offline`] on.
pub const POINTS: [(Point, &str); 23] = [
    (Point::Op, "op"),
    (Point::Send, "send"),
    (Point::Reply, "reply"),
    (Point::Timer, "timer"),
    (Point::Step, "step"),
    (Point::Draw, "draw"),
    (Point::Boot, "boot"),
    (Point::Refusal, "refusal"),
    (Point::Offline, "offline"),
    (Point::Limited, "limited"),
    (Point::Flapping, "flapping"),
    (Point::Deaf, "deaf"),
    (Point::Mute, "mute"),
    (Point::Lying, "lying"),
    (Point::ClockOffset, "clock-offset"),
    (Point::ClockDrift, "clock-drift"),
    (Point::ClockJump, "clock-jump"),
    (Point::Kill, "kill"),
    (Point::Background, "background"),
    (Point::Wipe, "wipe"),
    (Point::Overload, "overload"),
    (Point::Upgrade, "upgrade"),
    (Point::Restore, "restore"),
];

impl Point {
    /// The point's name in a label.
    pub fn name(self) -> &'static str {
        POINTS.iter().find(|(p, _)| *p == self).expect("every point stands in POINTS").1
    }
    fn of_code(code: u64) -> Point {
        POINTS.iter().find(|(p, _)| *p as u64 == code).expect("a label is made of known points only").0
    }
    /// Whether this is something that happens to a node at a time, for a while, rather than the fate of an event.
    pub fn is_interference(self) -> bool {
        self >= Point::Offline
    }
}

/// A packed label. Order is by node, channel, cause, try, point, number: it decides between events due at one instant.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Label(pub u64);

const CAUSE_NUMBERS: u32 = 1 << 17;

impl Label {
    /// The label of an event of `node` on `channel`, from `cause`, at `point`; first try, number 0.
    #[inline]
    pub fn new(node: NodeId, channel: Channel, cause: Cause, point: Point) -> Label {
        let (kind, number) = match cause {
            Cause::Op(op) => (0, op.0),
            Cause::Boot(n) => (1, n),
            Cause::Link(n) => (2, n),
            Cause::Finish => (3, 0),
            Cause::Tick(channel, n) => (4 + u64::from(channel.0), n),
        };
        debug_assert!(node.0 < 1 << 12 && channel.0 < 28, "a label holds 4,095 nodes and 27 channels");
        Label(
            u64::from(node.0) << 52
                | u64::from(channel.0) << 47
                | kind << 42
                | u64::from(number & (CAUSE_NUMBERS - 1)) << 25
                | (point as u64) << 12,
        )
    }

    /// The label of the `number`-th interference of this kind on `node`.
    pub fn interference(node: NodeId, point: Point, number: u32) -> Label {
        Label::new(node, Channel(0), Cause::Boot(0), point).number(number)
    }

    /// The same with the try set; tries above 255 share the last number.
    #[inline]
    pub fn attempt(self, attempt: u32) -> Label {
        Label(self.0 & !(0xff << 17) | u64::from(attempt.min(255)) << 17)
    }
    /// The same with another point.
    #[inline]
    pub fn point(self, point: Point) -> Label {
        Label(self.0 & !(0x1f << 12) | (point as u64) << 12)
    }
    /// The same with the number within the point: which step, which copy.
    #[inline]
    pub fn number(self, number: u32) -> Label {
        Label(self.0 & !0xfff | u64::from(number.min(0xfff)))
    }

    /// The node that the label belongs to.
    pub fn node(self) -> NodeId {
        NodeId((self.0 >> 52) as u16)
    }
    /// The channel, or `Channel(0)`.
    pub fn channel(self) -> Channel {
        Channel((self.0 >> 47 & 0x1f) as u8)
    }
    /// The cause.
    pub fn cause(self) -> Cause {
        let number = (self.0 >> 25 & u64::from(CAUSE_NUMBERS - 1)) as u32;
        match self.0 >> 42 & 0x1f {
            0 => Cause::Op(OpId(number)),
            1 => Cause::Boot(number),
            2 => Cause::Link(number),
            3 => Cause::Finish,
            channel => Cause::Tick(Channel((channel - 4) as u8), number),
        }
    }
    /// Which try; 0 where tries are not counted.
    pub fn get_attempt(self) -> u32 {
        (self.0 >> 17 & 0xff) as u32
    }
    /// The point.
    pub fn get_point(self) -> Point {
        Point::of_code(self.0 >> 12 & 0x1f)
    }
    /// The number within the point.
    pub fn get_number(self) -> u32 {
        (self.0 & 0xfff) as u32
    }

    /// The same label with node and op renumbered; used when a story is put in its canonical form.
    pub fn renumbered(self, node: impl Fn(NodeId) -> NodeId, op: impl Fn(OpId) -> OpId) -> Label {
        let cause = match self.cause() {
            Cause::Op(id) => Cause::Op(op(id)),
            other => other,
        };
        Label::new(node(self.node()), self.channel(), cause, self.get_point())
            .attempt(self.get_attempt())
            .number(self.get_number())
    }
}

/// What nodes, ops and channels are called: the only bridge between labels and text.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// Node names by [`NodeId`]; the first is `server`.
    pub nodes: Vec<String>,
    /// Op names.
    pub ops: BTreeMap<OpId, String>,
    /// The system's channels and timers, from [`Channel`] 1 on.
    pub channels: &'static [&'static str],
}

impl Names {
    /// A node's name.
    pub fn node(&self, id: NodeId) -> &str {
        self.nodes.get(id.index()).map_or("?", String::as_str)
    }
    /// An op's name; `op-7` where it has none.
    pub fn op(&self, id: OpId) -> String {
        self.ops.get(&id).cloned().unwrap_or_else(|| format!("op-{}", id.0))
    }
    /// A channel's name.
    pub fn channel(&self, channel: Channel) -> &'static str {
        self.channels.get((channel.0 as usize).wrapping_sub(1)).copied().unwrap_or("?")
    }
    /// What caused an event, in words: an op's name, `push-tick-3`, `boot-1`, `online-2`.
    pub fn cause(&self, cause: Cause) -> String {
        match cause {
            Cause::Op(op) => self.op(op),
            Cause::Tick(channel, n) => format!("{}-{n}", self.channel(channel)),
            Cause::Boot(n) => format!("boot-{n}"),
            Cause::Link(n) => format!("link-{n}"),
            Cause::Finish => "finish".into(),
        }
    }

    /// The label as it stands in a scenario file.
    pub fn label(&self, label: Label) -> String {
        let mut text = self.node(label.node()).to_string();
        let point = label.get_point();
        if point.is_interference() {
            return format!("{text}.{}-{}", point.name(), label.get_number());
        }
        if label.channel().0 != 0 {
            text += ".";
            text += self.channel(label.channel());
        }
        text += ".";
        text += &self.cause(label.cause());
        if label.get_attempt() != 0 {
            text += &format!(".try-{}", label.get_attempt());
        }
        text += ".";
        text += point.name();
        if label.get_number() != 0 {
            text += &format!("-{}", label.get_number());
        }
        text
    }

    /// Reads a label back.
    ///
    /// # Errors
    /// Says which part of the text names nothing.
    pub fn parse(&self, text: &str) -> Result<Label, LabelError> {
        let parts: Vec<&str> = text.split('.').collect();
        let fail = |part: &str, what, known: Vec<String>| Err(LabelError { part: part.into(), what, known });
        let Some(node) = self.nodes.iter().position(|name| name == parts[0]) else {
            return fail(parts[0], "node", self.nodes.clone());
        };
        let node = NodeId(node as u16);
        let last = *parts.last().expect("split yields at least one part");
        let points = || POINTS.iter().map(|(_, name)| name.to_string()).collect();
        let found = POINTS
            .iter()
            .filter_map(|(point, name)| {
                let rest = last.strip_prefix(name)?;
                match rest.strip_prefix('-') {
                    Some(n) => n.parse().ok().filter(|n| *n < 4096).map(|n| (*point, n)),
                    None => rest.is_empty().then_some((*point, 0)),
                }
            })
            .next_back();
        let Some((name, number)) = found else { return fail(last, "point", points()) };
        if name.is_interference() {
            return match parts.len() {
                2 => Ok(Label::interference(node, name, number)),
                _ => fail(text, "interference (written node.kind-number)", vec![]),
            };
        }
        let mut middle = parts[1..parts.len().max(2) - 1].to_vec();
        let mut attempt = 0;
        if let Some(n) = middle.last().and_then(|part| part.strip_prefix("try-")) {
            attempt = match n.parse() {
                Ok(n) if n <= 255 => n,
                _ => return fail(&format!("try-{n}"), "try (1 to 255)", vec![]),
            };
            middle.pop();
        }
        let channel = match middle.len() {
            1 => Channel(0),
            2 => match self.channels.iter().position(|name| *name == middle[0]) {
                Some(index) => Channel(index as u8 + 1),
                None => return fail(middle[0], "channel", self.channels.iter().map(|s| s.to_string()).collect()),
            },
            _ => return fail(text, "label (written node.channel.cause.try-N.point)", vec![]),
        };
        let cause = middle[middle.len() - 1];
        let Some(cause) = self.parse_cause(cause) else {
            return fail(cause, "cause", self.ops.values().cloned().collect());
        };
        Ok(Label::new(node, channel, cause, name).attempt(attempt).number(number))
    }

    fn parse_cause(&self, text: &str) -> Option<Cause> {
        if let Some((id, _)) = self.ops.iter().find(|(_, name)| *name == text) {
            return Some(Cause::Op(*id));
        }
        if text == "finish" {
            return Some(Cause::Finish);
        }
        let (name, number) = text.rsplit_once('-')?;
        let number: u32 = number.parse().ok().filter(|n| *n < CAUSE_NUMBERS)?;
        match name {
            "boot" => Some(Cause::Boot(number)),
            "link" => Some(Cause::Link(number)),
            _ => {
                let index = self.channels.iter().position(|channel| *channel == name)?;
                Some(Cause::Tick(Channel(index as u8 + 1), number))
            }
        }
    }
}

/// A part of a label's text that names nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LabelError {
    /// The part as written.
    pub part: String,
    /// What it should have named.
    pub what: &'static str,
    /// The valid names, where they can be listed.
    pub known: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        Names {
            nodes: vec!["server".into(), "till-1".into(), "abdoulaye".into()],
            ops: BTreeMap::from([(OpId(3), "sale-2".into()), (OpId(9), "price-1".into())]),
            channels: &["push", "pull", "push-tick"],
        }
    }

    #[test]
    fn a_label_reads_like_the_story_and_reads_back() {
        let names = names();
        let label = Label::new(NodeId(1), Channel(1), Cause::Op(OpId(3)), Point::Reply).attempt(2);
        assert_eq!(names.label(label), "till-1.push.sale-2.try-2.reply");
        for label in [
            label,
            label.point(Point::Step).number(3),
            Label::new(NodeId(2), Channel(2), Cause::Tick(Channel(3), 12), Point::Send).attempt(1),
            Label::new(NodeId(2), Channel(0), Cause::Op(OpId(9)), Point::Step),
            Label::new(NodeId(0), Channel(0), Cause::Boot(2), Point::Boot),
            Label::interference(NodeId(2), Point::ClockOffset, 1),
        ] {
            assert_eq!(names.parse(&names.label(label)), Ok(label), "{}", names.label(label));
        }
    }

    #[test]
    fn a_label_that_names_nothing_says_which_part() {
        let part = |text: &str| names().parse(text).unwrap_err().part;
        assert_eq!(part("till-9.push.sale-2.try-1.send"), "till-9");
        assert_eq!(part("till-1.posh.sale-2.try-1.send"), "posh");
        assert_eq!(part("till-1.push.sale-7.try-1.send"), "sale-7");
        assert_eq!(part("till-1.push.sale-2.try-1.sent"), "sent");
        assert_eq!(part("till-1.push.sale-2.try-x.send"), "try-x");
    }

    #[test]
    fn order_is_by_node_then_cause_then_try() {
        let send = |op, attempt| Label::new(NodeId(1), Channel(1), Cause::Op(OpId(op)), Point::Send).attempt(attempt);
        assert!(send(1, 2) < send(2, 1) && send(1, 1) < send(1, 2));
        assert!(send(9, 9) < Label::new(NodeId(2), Channel(1), Cause::Boot(0), Point::Send));
    }
}
