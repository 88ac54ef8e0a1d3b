package dev.usher.flags.openfeature

import dev.openfeature.sdk.ErrorCode
import dev.openfeature.sdk.EvaluationContext
import dev.openfeature.sdk.EventProvider
import dev.openfeature.sdk.Metadata
import dev.openfeature.sdk.ProviderEvaluation
import dev.openfeature.sdk.ProviderEventDetails
import dev.openfeature.sdk.TrackingEventDetails
import dev.openfeature.sdk.Value
import dev.openfeature.sdk.exceptions.FatalError
import dev.openfeature.sdk.exceptions.ProviderNotReadyError
import dev.usher.flags.Details
import dev.usher.flags.FlagSource
import dev.usher.flags.Subscription
import dev.usher.flags.UsherFlags
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withTimeoutOrNull
import java.util.concurrent.ArrayBlockingQueue
import java.util.concurrent.ThreadPoolExecutor
import java.util.concurrent.TimeUnit
import kotlin.time.Duration.Companion.seconds

/** How long a provider that has nothing to answer from waits for its server when it is set. */
private val INITIALIZE_WITHIN = 2.seconds

/** No text of JSON, so that it tells the caller's default from what was served. */
private const val NO_JSON = "\u0000"

/**
 * A provider for OpenFeature's Java SDK: `OpenFeatureAPI.getInstance().setProviderAndWait(UsherProvider(flags))`.
 *
 * Values are for the one context that the client asks for, as on a phone. An evaluation whose context says something else
 * gets the caller's default, with `INVALID_CONTEXT`: an answer for somebody else would be a wrong one. For a backend that
 * asks for many there is Usher's OFREP.
 *
 * It is ready with the server's newest values, stale with those of a cache, a bootstrap or from before the server was lost,
 * and in error with none at all: then nobody is told that it is ready before it is. It closes the client when it is shut
 * down.
 */
public class UsherProvider(private val flags: UsherFlags) : EventProvider() {
    private var subscriptions = emptyList<Subscription>()

    /** What the API knows; nothing as long as it begins. */
    @Volatile
    private var told: Standing? = null

    /**
     * Tells one thing after the other: the API takes events on threads of its own, in any order. What waits here stands for
     * all news since.
     */
    private val teller = ThreadPoolExecutor(
        0, 1, 1, TimeUnit.SECONDS, ArrayBlockingQueue(1), { Thread(it, "usher-openfeature").apply { isDaemon = true } },
        ThreadPoolExecutor.DiscardPolicy(),
    )

    override fun getMetadata(): Metadata = Metadata { "usher" }

    /**
     * Asks for the context that is set for the whole API, if there is one, and waits for the server, for two seconds at
     * most and only when there is nothing else to answer from.
     *
     * @throws ProviderNotReadyError when nothing came; the API is told once something does
     * @throws FatalError when nothing will, for the server refuses the key; likewise
     */
    override fun initialize(context: EvaluationContext?) {
        told = null
        subscriptions.forEach(Subscription::close)
        if (context != null && !context.isEmpty) flags.setContext(context.toFlagContext())
        // Before it is looked at: what comes later is to be heard, also after this has failed.
        subscriptions = listOf(flags.onStatus { news() })
        if (flags.status.source == FlagSource.NOTHING) awaitAnything()
        // After the first values: that they are there is no change.
        subscriptions += flags.onChange(::changed)
        val status = flags.status
        val nothing = status.source == FlagSource.NOTHING
        // What the API will make of it; then it is told what there is beyond that.
        told = if (nothing) status.standing() else Standing.READY
        news()
        if (nothing) {
            val why = status.standing()?.message ?: "the client is closed"
            throw if (status.refusesKey) FatalError(why) else ProviderNotReadyError(why)
        }
    }

    private fun awaitAnything() = runBlocking {
        withTimeoutOrNull(INITIALIZE_WITHIN) { flags.statuses.first { it.isSettled } }
    }

    override fun shutdown() {
        subscriptions.forEach(Subscription::close)
        teller.shutdown()
        flags.close()
        super.shutdown()
    }

    override fun getBooleanEvaluation(flag: String, default: Boolean, context: EvaluationContext?): ProviderEvaluation<Boolean> =
        evaluate(default, context, { flags.getBooleanDetails(flag, default) }) { it }

    override fun getStringEvaluation(flag: String, default: String, context: EvaluationContext?): ProviderEvaluation<String> =
        evaluate(default, context, { flags.getStringDetails(flag, default) }) { it }

    /** OpenFeature's Java SDK has integers of 32 bits. One that does not fit is of another type. */
    override fun getIntegerEvaluation(flag: String, default: Int, context: EvaluationContext?): ProviderEvaluation<Int> =
        evaluate(default, context, { flags.getIntegerDetails(flag, default.toLong()) }) { value ->
            value.toInt().takeIf { it.toLong() == value }
        }

    override fun getDoubleEvaluation(flag: String, default: Double, context: EvaluationContext?): ProviderEvaluation<Double> =
        evaluate(default, context, { flags.getFloatDetails(flag, default) }) { it }

    override fun getObjectEvaluation(flag: String, default: Value, context: EvaluationContext?): ProviderEvaluation<Value> =
        evaluate(default, context, { flags.getObjectDetails(flag, NO_JSON) }) { if (it == NO_JSON) default else parsed(it) }

    override fun track(event: String, context: EvaluationContext?, details: TrackingEventDetails?) {
        val value = details?.value?.orElse(null)
        if (value == null) flags.trackResult(event, true) else flags.track(event, value.toDouble())
    }

    private fun <T, U : Any> evaluate(
        default: U,
        context: EvaluationContext?,
        ask: () -> Details<T>,
        convert: (T) -> U?,
    ): ProviderEvaluation<U> {
        val other = context?.saysOtherThan(flags.context)
        if (other != null) {
            val message = "the values are for another `$other`: tell the client by setContext"
            return failed(default, ErrorCode.INVALID_CONTEXT, message)
        }
        val found = ask()
        val value = convert(found.value)
            ?: return failed(default, ErrorCode.TYPE_MISMATCH, "the value ${found.value} is of another type")
        return ProviderEvaluation.builder<U>()
            .value(value)
            .variant(found.variant)
            .reason(found.reason)
            .errorCode(found.errorCode?.let { ErrorCode.valueOf(it.name) })
            .errorMessage(found.errorMessage)
            .flagMetadata(found.metadata.toMetadata())
            .build()
    }

    private fun <U> failed(default: U, code: ErrorCode, message: String) = ProviderEvaluation.builder<U>()
        .value(default).reason("ERROR").errorCode(code).errorMessage(message).build()

    private fun changed(changed: Set<String>) {
        emitProviderConfigurationChanged(ProviderEventDetails.builder().flagsChanged(changed.toList()).build())
    }

    private fun news() {
        teller.submit(::tell)
    }

    /** Says how the client stands now, if the API knows otherwise, and waits until it does. */
    private fun tell() {
        val standing = flags.status.standing()
        if (told == null || standing == null || standing == told) return
        told = standing
        emit(standing.event, standing.details()).await()
    }
}
