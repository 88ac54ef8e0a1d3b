package dev.usher.flags

import dev.usher.flags.ffi.Config
import dev.usher.flags.ffi.FlagsException
import java.nio.file.Path
import java.time.Duration

/** How a client is set up. Only the address and the key are needed. */
public class Builder internal constructor(private val url: String, private val key: String) {
    internal var venue: String? = null
    internal var context: FlagContext = FlagContext.ANONYMOUS
    private var signedContext: String? = null
    private var cacheDir: Path? = null
    private var bootstrap: String? = null
    private var environment: String? = null
    private var appVersion: String? = null
    private var inBackground = false
    private var pollEvery: Duration? = null
    private var sendEvery: Duration? = null

    /** The key of the venue where the device is. */
    public fun venue(key: String): Builder = apply { venue = key }

    /** Who asks. */
    public fun context(context: FlagContext): Builder = apply { this.context = context }

    /**
     * What the backend has signed of whoever asks, passed on as it is. What is signed can't be said otherwise by the
     * context; values on disk are kept for the person of whom it speaks.
     */
    public fun signedContext(token: String): Builder = apply { signedContext = token }

    /** A folder of the app's own in which values survive the process. */
    public fun cacheDir(folder: Path): Builder = apply { cacheDir = folder }

    /**
     * Values that the app brings along for a first start without network: what `POST /sdk/v1/values` answers, as text.
     * The environment is for a text that does not say which one it is of.
     */
    @JvmOverloads
    public fun bootstrap(json: String, environment: String? = null): Builder = apply {
        bootstrap = json
        this.environment = environment
    }

    /** The version of the app, for statistics. Nothing that is on disk depends on it. */
    public fun appVersion(version: String): Builder = apply { appVersion = version }

    /** Begin in the background, as an app does that was woken by a message. */
    public fun startInBackground(): Builder = apply { inBackground = true }

    /** How often the server is asked in the background, give or take a quarter; every 15 minutes without it. */
    public fun pollInBackgroundEvery(every: Duration): Builder = apply { pollEvery = every }

    /** How often what was counted is sent in the foreground; every 10 seconds without it. */
    public fun sendEvery(every: Duration): Builder = apply { sendEvery = every }

    /**
     * Makes the client. Returns at once: values on disk have been read, the network is another's business.
     *
     * @throws FlagsException for a setting that can't be used
     */
    @Throws(FlagsException::class)
    public fun build(): UsherFlags = UsherFlags(this)

    internal fun config() = Config(
        url = url,
        key = key,
        venue = venue,
        context = context.toNative(),
        signedContext = signedContext,
        cacheDir = cacheDir?.toString(),
        bootstrap = bootstrap,
        environment = environment,
        appVersion = appVersion,
        startInBackground = inBackground,
        backgroundPollSeconds = pollEvery?.wholeSeconds(),
        sendSeconds = sendEvery?.wholeSeconds(),
    )
}

/** In whole seconds, and one at least. */
private fun Duration.wholeSeconds(): UInt = toSeconds().coerceIn(1, UInt.MAX_VALUE.toLong()).toUInt()
