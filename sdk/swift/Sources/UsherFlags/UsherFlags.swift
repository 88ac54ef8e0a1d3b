import Foundation
import UsherFlagsFFI

public typealias FlagsConfig = UsherFlagsFFI.Config
public typealias FlagContext = UsherFlagsFFI.FlagContext
public typealias AttributeValue = UsherFlagsFFI.AttributeValue
public typealias FlagsError = UsherFlagsFFI.FlagsError
public typealias FlagsStatus = UsherFlagsFFI.StatusReport

/// Reads flags, right from the first call: fresh values, else those on disk, else the bootstrap, else the caller's
/// default. To be kept for as long as the app runs, and shared by all its tasks. No call waits for the network.
public final class UsherFlags: @unchecked Sendable {
    private let native: FlagsClient
    private let lock = NSLock()
    private var mailboxes: [ObjectIdentifier: Mailbox] = [:]
    private var isClosed = false

    /// Makes a client. Returns at once: values on disk have been read, the network is another's business.
    public init(_ config: FlagsConfig) throws {
        native = try FlagsClient(config: config)
    }

    deinit {
        close()
    }

    public func bool(_ flag: String, default value: Bool) -> Bool {
        native.boolean(flag: flag, defaultValue: value)
    }

    public func integer(_ flag: String, default value: Int64) -> Int64 {
        native.integer(flag: flag, defaultValue: value)
    }

    public func double(_ flag: String, default value: Double) -> Double {
        native.float(flag: flag, defaultValue: value)
    }

    public func string(_ flag: String, default value: String) -> String {
        native.string(flag: flag, defaultValue: value)
    }

    /// A flag of JSON trees, read as a type of the app's. What does not fit that type is the default.
    public func object<Value: Decodable>(_ flag: String, default value: Value) -> Value {
        let text = native.object(flag: flag, defaultValue: "")
        return (try? JSONDecoder().decode(Value.self, from: Data(text.utf8))) ?? value
    }

    public func boolDetails(_ flag: String, default value: Bool) -> BooleanDetails {
        native.booleanDetails(flag: flag, defaultValue: value)
    }

    public func integerDetails(_ flag: String, default value: Int64) -> IntegerDetails {
        native.integerDetails(flag: flag, defaultValue: value)
    }

    public func doubleDetails(_ flag: String, default value: Double) -> FloatDetails {
        native.floatDetails(flag: flag, defaultValue: value)
    }

    public func stringDetails(_ flag: String, default value: String) -> StringDetails {
        native.stringDetails(flag: flag, defaultValue: value)
    }

    /// The value is JSON, as text.
    public func objectDetails(_ flag: String, default value: String) -> ObjectDetails {
        native.objectDetails(flag: flag, defaultValue: value)
    }

    /// Asks for somebody else, or somewhere else, from now on. Values of another person are never given: until the server
    /// has answered there are those that the disk has for them, else the bootstrap, else defaults.
    public func setContext(_ context: FlagContext) throws {
        try native.setContext(context: context)
    }

    /// Passes on another signed context from now on, or none, beside the same context. One that only renews the one before
    /// changes no answer. `FlagsStatus.wantsSignedContext` says when another is needed.
    public func setSignedContext(_ token: String?) {
        native.setSignedContext(token: token)
    }

    /// Another context and another signed context at once, as when somebody else signs in.
    public func setContext(_ context: FlagContext, signedContext: String?) throws {
        try native.setContextSigned(context: context, token: signedContext)
    }

    /// How the client stands with its server.
    public var status: FlagsStatus { native.status() }

    /// What an operator should know: a damaged cache, a refused key.
    public var diagnostics: [String] { native.diagnostics() }

    /// The flags whose values change, those of several changes together when the loop is busy. Ends when the client is
    /// closed, or there is no thread to listen on.
    public var changes: Changes { Changes(flags: self) }

    /// How the client stands with its server: now, and whenever that changes; the newest when the loop is busy. Ends when
    /// the client is closed, or there is no thread to listen on.
    public var statuses: Statuses { Statuses(flags: self) }

    /// The app is in front of somebody (`scenePhase == .active`): changes come as they happen. So it is from the start.
    public func foreground() { native.foreground() }

    /// Nobody looks at the app (`scenePhase == .background`): the stream is ended, and the server asked now and then only.
    public func background() { native.background() }

    /// Counts something that happened, with a number: seconds, an amount.
    public func track(_ metric: String, value: Double) { native.track(metric: metric, value: value) }

    /// Counts something that worked or failed.
    public func track(_ metric: String, succeeded: Bool) { native.trackResult(metric: metric, succeeded: succeeded) }

    /// Counts that somebody was shown what a flag gives them. Reading alone does not count.
    public func expose(_ flag: String) { native.expose(flag: flag) }

    /// Sends what was counted now, without waiting for it.
    public func flush() { native.flush() }

    /// Ends the connection and all sequences, for good; returns at once. Answers go on from what there is.
    public func close() {
        native.shutdown()
        let all: [Mailbox] = lock.withLock {
            isClosed = true
            defer { mailboxes = [:] }
            return Array(mailboxes.values)
        }
        all.forEach { $0.finish() }
    }

    /// A mailbox that the library fills, until whoever reads it lets go of it.
    func listen() -> (Mailbox, AsyncStream<Void>) {
        let (stream, signals) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let mailbox = Mailbox(signals)
        let isOpen = lock.withLock {
            if !isClosed { mailboxes[ObjectIdentifier(mailbox)] = mailbox }
            return !isClosed
        }
        guard isOpen, let number = try? native.addListener(listener: mailbox) else {
            signals.finish()
            return (mailbox, stream)
        }
        let own = ObjectIdentifier(mailbox)
        signals.onTermination = { [weak self, native] _ in
            native.removeListener(number: number)
            guard let self else { return }
            self.lock.withLock { _ = self.mailboxes.removeValue(forKey: own) }
        }
        return (mailbox, stream)
    }
}
