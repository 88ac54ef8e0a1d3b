package dev.usher.flags.openfeature

import dev.openfeature.sdk.ErrorCode
import dev.openfeature.sdk.EvaluationContext
import dev.openfeature.sdk.EventProvider
import dev.openfeature.sdk.Metadata
import dev.openfeature.sdk.ProviderEvaluation
import dev.openfeature.sdk.ProviderEventDetails
import dev.openfeature.sdk.TrackingEventDetails
import dev.openfeature.sdk.Value
import dev.usher.flags.ConnectionState
import dev.usher.flags.Details
import dev.usher.flags.FlagSource
import dev.usher.flags.Status
import dev.usher.flags.Subscription
import dev.usher.flags.UsherFlags
import java.time.Duration

/** How long a provider that has nothing to answer from waits for its server when it is set. */
private val INITIALIZE_WITHIN = Duration.ofSeconds(2)

/** No text of JSON, so that it tells the caller's default from what was served. */
private const val NO_JSON = "\u0000"

/**
 * A provider for OpenFeature's Java SDK: `OpenFeatureAPI.getInstance().setProviderAndWait(UsherProvider(flags))`.
 *
 * Values are for the one context that the client asks for, as on a phone. An evaluation whose context says something else
 * gets the caller's default, with `INVALID_CONTEXT`: an answer for somebody else would be a wrong one. For a backend that
 * asks for many there is Usher's OFREP.
 *
 * It closes the client when it is shut down.
 */
public class UsherProvider(private val flags: UsherFlags) : EventProvider() {
    private var subscriptions = emptyList<Subscription>()

    override fun getMetadata(): Metadata = Metadata { "usher" }

    /**
     * Asks for the context that is set for the whole API, if there is one, and waits for the server, for two seconds at
     * most and only when there is nothing else to answer from.
     */
    override fun initialize(context: EvaluationContext?) {
        if (context != null && !context.isEmpty) flags.setContext(context.toFlagContext())
        if (flags.status.source == FlagSource.NOTHING) flags.awaitLive(INITIALIZE_WITHIN)
        subscriptions = listOf(flags.onChange(::changed), flags.onStatus(::stands))
    }

    override fun shutdown() {
        subscriptions.forEach(Subscription::close)
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

    private fun stands(status: Status) {
        val why = status.obstacle?.let { ": ${it.name.lowercase()}" } ?: ""
        when (status.state) {
            ConnectionState.LIVE -> emitProviderReady(ProviderEventDetails.builder().build())
            ConnectionState.STALE, ConnectionState.OFFLINE ->
                emitProviderStale(ProviderEventDetails.builder().message("the server is away$why").build())
            ConnectionState.CONNECTING, ConnectionState.CLOSED -> Unit
        }
    }
}
