package dev.usher.flags

import dev.usher.flags.ffi.FlagsClient
import dev.usher.flags.ffi.FlagsException
import dev.usher.flags.ffi.FlagsListener
import kotlinx.coroutines.TimeoutCancellationException
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.distinctUntilChanged
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeout
import java.time.Duration
import java.util.concurrent.ConcurrentHashMap

/**
 * Reads flags, right from the first call: fresh values, else those on disk, else the bootstrap, else the caller's
 * default. To be kept for as long as the app runs, and shared by all its threads.
 *
 * No call waits for the network, and getters never throw. Made by [builder], or by `UsherFlags(url, key) { … }`.
 */
public class UsherFlags internal constructor(builder: Builder) : AutoCloseable {
    private val native = FlagsClient(builder.config())
    private val answers = Answers(native)
    private val venue = builder.venue
    private val signals = ConcurrentHashMap.newKeySet<Channel<Unit>>()

    @Volatile
    private var closed = false

    /** Whom the client asks for, at the venue that it was built for unless the context names another. */
    @Volatile
    public var context: FlagContext = builder.context.orAt(venue)
        private set

    /** A boolean flag. */
    public fun getBoolean(flag: String, default: Boolean): Boolean = answers.boolean(flag, default)

    /** A flag of whole numbers. */
    public fun getInteger(flag: String, default: Long): Long = answers.integer(flag, default)

    /** A flag of numbers. */
    public fun getFloat(flag: String, default: Double): Double = answers.float(flag, default)

    /** A flag of texts. */
    public fun getString(flag: String, default: String): String = answers.string(flag, default)

    /** A flag of JSON trees, as text for the JSON library that the app uses. */
    public fun getObject(flag: String, default: String): String = answers.json(flag, default)

    /** A boolean flag, with all that is known about the answer. */
    public fun getBooleanDetails(flag: String, default: Boolean): Details<Boolean> =
        detailed(flag, default) { native.booleanDetails(flag, default).toDetails() }

    /** A flag of whole numbers, with all that is known about the answer. */
    public fun getIntegerDetails(flag: String, default: Long): Details<Long> =
        detailed(flag, default) { native.integerDetails(flag, default).toDetails() }

    /** A flag of numbers, with all that is known about the answer. */
    public fun getFloatDetails(flag: String, default: Double): Details<Double> =
        detailed(flag, default) { native.floatDetails(flag, default).toDetails() }

    /** A flag of texts, with all that is known about the answer. */
    public fun getStringDetails(flag: String, default: String): Details<String> =
        detailed(flag, default) { native.stringDetails(flag, default).toDetails() }

    /** A flag of JSON trees as text, with all that is known about the answer. */
    public fun getObjectDetails(flag: String, default: String): Details<String> =
        detailed(flag, default) { native.objectDetails(flag, default).toDetails() }

    /**
     * Asks for somebody else, or somewhere else, from now on. Values of another person are never given: until the server
     * has answered there are those that the disk has for them, else the bootstrap, else defaults.
     *
     * @throws FlagsException for a context that can't be used; then everything stays
     */
    @Throws(FlagsException::class)
    @Synchronized
    public fun setContext(context: FlagContext) {
        native.setContext(context.toNative())
        this.context = context.orAt(venue)
    }

    /**
     * Passes on another signed context from now on, or none, beside the same context. One that only renews the one before
     * changes no answer. [Status.wantsSignedContext] says when another is needed.
     */
    public fun setSignedContext(token: String?) {
        native.setSignedContext(token)
    }

    /**
     * Another context and another signed context at once, as when somebody else signs in.
     *
     * @throws FlagsException for a context that can't be used; then everything stays
     */
    @Throws(FlagsException::class)
    @Synchronized
    public fun setContext(context: FlagContext, signedContext: String?) {
        native.setContextSigned(context.toNative(), signedContext)
        this.context = context.orAt(venue)
    }

    /** How the client stands with its server. */
    public val status: Status get() = native.status().toStatus()

    /** What an operator should know: a damaged cache, a refused key, a listener that threw. */
    public val diagnostics: List<String> get() = native.diagnostics()

    /**
     * The flags whose values have changed, those of several changes together when the collector is busy. Ends when the
     * client is closed.
     */
    public val changes: Flow<Set<String>> = flow {
        // Keys that wait. They are as many as there are flags at most.
        val waiting = LinkedHashSet<String>()
        val take = { synchronized(waiting) { waiting.toSet().also { waiting.clear() } } }
        hearing({ signal ->
            onChange { flags ->
                synchronized(waiting) { waiting.addAll(flags) }
                signal.trySend(Unit)
            }
        }) { take().takeUnless(Set<String>::isEmpty)?.let { emit(it) } }
    }

    /** How the client stands with its server: now, and whenever that changes; the newest when the collector is busy. */
    public val statuses: Flow<Status> = flow {
        hearing({ signal ->
            signal.trySend(Unit)
            onStatus { signal.trySend(Unit) }
        }) { emit(status) }
        emit(status)
    }.distinctUntilChanged()

    /**
     * Calls back after the values of flags have changed, until the subscription is closed or the client is. All listeners
     * of a client are called one after the other, on a thread of the client's own that is not one that draws: they may
     * read flags and do anything with the client. What one throws is told in [diagnostics], and stops nothing.
     *
     * @throws FlagsException when there is no thread for it
     */
    @Throws(FlagsException::class)
    public fun onChange(listener: ChangeListener): Subscription = add(Ear(changes = listener))

    /** Calls back after the status has changed; likewise. */
    @Throws(FlagsException::class)
    public fun onStatus(listener: StatusListener): Subscription = add(Ear(statuses = listener))

    /** Waits until the client has the server's newest values; `false` when it has not by then. Nobody needs to. */
    public suspend fun awaitLive(longest: kotlin.time.Duration): Boolean = try {
        withTimeout(longest) { statuses.first { it.state == ConnectionState.LIVE || closed }.state == ConnectionState.LIVE }
    } catch (_: TimeoutCancellationException) {
        false
    }

    /** The same for programs without coroutines; not for a thread that draws. */
    public fun awaitLive(longest: Duration): Boolean =
        runBlocking { awaitLive(kotlin.time.Duration.parseIsoString(longest.toString())) }

    /** The app is in front of somebody: changes come as they happen. So it is from the start. */
    public fun foreground(): Unit = native.foreground()

    /** Nobody looks at the app: what was counted is sent, the stream ended, and the server asked now and then only. */
    public fun background(): Unit = native.background()

    /** Counts something that happened, with a number: seconds, an amount. */
    public fun track(metric: String, value: Double): Unit = native.track(metric, value)

    /** Counts something that worked or failed. */
    public fun trackResult(metric: String, succeeded: Boolean): Unit = native.trackResult(metric, succeeded)

    /** Counts that somebody was shown what a flag gives them. Reading alone does not count. */
    public fun expose(flag: String): Unit = native.expose(flag)

    /** Sends what was counted now, without waiting for it. */
    public fun flush(): Unit = native.flush()

    /**
     * Ends the connection and all listeners, for good; returns at once. What was counted is still sent, in the background
     * and for some seconds at most. Answers go on from what there is.
     */
    override fun close() {
        closed = true
        native.shutdown()
        signals.forEach { it.close() }
    }

    /**
     * For programs that end: waits after [close] until no listener is being called any more. Whether that is so.
     */
    public fun awaitListeners(longest: Duration): Boolean =
        native.waitForListeners(longest.toMillis().coerceIn(0, UInt.MAX_VALUE.toLong()).toUInt())

    /** Not the key. */
    override fun toString(): String = "UsherFlags($status)"

    private fun add(ear: FlagsListener): Subscription {
        val number = native.addListener(ear)
        return Subscription { native.removeListener(number) }
    }

    /** Listens while somebody collects. A signal that is not taken yet stands for all news since. */
    private suspend fun hearing(listen: (Channel<Unit>) -> Subscription, tell: suspend () -> Unit) {
        val signal = Channel<Unit>(Channel.CONFLATED)
        signals.add(signal)
        val subscription = listen(signal)
        try {
            // Whoever closes the client either finds the signal among the others or is found here.
            if (closed) signal.close()
            for (news in signal) tell()
        } finally {
            subscription.close()
            signals.remove(signal)
        }
    }

    public companion object {
        /** Begins to build a client for a server or edge (`https://flags.example.org`) and a client key (`uck_…`). */
        @JvmStatic
        public fun builder(url: String, key: String): Builder = Builder(url, key)

        /** A client for a server or edge and a client key. */
        public operator fun invoke(url: String, key: String, setup: Builder.() -> Unit = {}): UsherFlags =
            builder(url, key).apply(setup).build()
    }
}
