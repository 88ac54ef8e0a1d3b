import Foundation
import UsherFlagsFFI

/// News that wait. They are as many as there are flags at most, however slow whoever reads them is.
final class Mailbox: FlagsListener, @unchecked Sendable {
    private let lock = NSLock()
    private var flags: Set<String> = []
    private let signals: AsyncStream<Void>.Continuation

    init(_ signals: AsyncStream<Void>.Continuation) {
        self.signals = signals
    }

    func onChange(flags: [String]) throws {
        lock.withLock { self.flags.formUnion(flags) }
        signals.yield()
    }

    func onStatus(status: StatusReport) throws {
        signals.yield()
    }

    func take() -> Set<String> {
        lock.withLock {
            defer { flags = [] }
            return flags
        }
    }

    func finish() {
        signals.finish()
    }
}

/// The flags whose values change.
public struct Changes: AsyncSequence, Sendable {
    public typealias Element = Set<String>
    let flags: UsherFlags

    public func makeAsyncIterator() -> AsyncIterator {
        let (mailbox, stream) = flags.listen()
        return AsyncIterator(mailbox: mailbox, signals: stream.makeAsyncIterator())
    }

    public struct AsyncIterator: AsyncIteratorProtocol {
        let mailbox: Mailbox
        var signals: AsyncStream<Void>.Iterator

        public mutating func next() async -> Set<String>? {
            while await signals.next() != nil {
                let changed = mailbox.take()
                if !changed.isEmpty { return changed }
            }
            return nil
        }
    }
}

/// How a client stands with its server.
public struct Statuses: AsyncSequence, Sendable {
    public typealias Element = FlagsStatus
    let flags: UsherFlags

    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(flags: flags, signals: flags.listen().1.makeAsyncIterator())
    }

    public struct AsyncIterator: AsyncIteratorProtocol {
        let flags: UsherFlags
        var signals: AsyncStream<Void>.Iterator
        var last: FlagsStatus?

        public mutating func next() async -> FlagsStatus? {
            // The first is the one that is; after that, what is news.
            var now = flags.status
            while now == last {
                guard await signals.next() != nil else { return nil }
                now = flags.status
            }
            last = now
            return now
        }
    }
}
