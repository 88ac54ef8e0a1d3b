package dev.usher.flags

import dev.usher.flags.ffi.FlagsListener
import dev.usher.flags.ffi.ListenerException
import dev.usher.flags.ffi.StatusReport

/** Hears of changes. */
public fun interface ChangeListener {
    /** The values of these flags have changed, or those of several changes at once. */
    @Throws(Exception::class)
    public fun changed(flags: Set<String>)
}

/** Hears of how a client stands with its server. */
public fun interface StatusListener {
    /** The client stands otherwise with its server. */
    @Throws(Exception::class)
    public fun changed(status: Status)
}

/** Ends when it is closed: no call of its listener begins any more. */
public fun interface Subscription : AutoCloseable {
    override fun close()
}

/** What the library calls. */
internal class Ear(
    private val changes: ChangeListener? = null,
    private val statuses: StatusListener? = null,
) : FlagsListener {
    override fun onChange(flags: List<String>) = telling { changes?.changed(flags.toSet()) }

    override fun onStatus(status: StatusReport) = telling { statuses?.changed(status.toStatus()) }

    /** An error as well as an exception, which the generated code would not pass on. */
    private inline fun telling(tell: () -> Unit) = try {
        tell()
    } catch (thrown: Throwable) {
        throw ListenerException.Failed(thrown.toString())
    }
}
