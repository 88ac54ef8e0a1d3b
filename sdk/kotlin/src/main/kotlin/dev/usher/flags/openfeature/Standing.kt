package dev.usher.flags.openfeature

import dev.openfeature.sdk.ErrorCode
import dev.openfeature.sdk.ProviderEvent
import dev.openfeature.sdk.ProviderEventDetails
import dev.usher.flags.ConnectionState
import dev.usher.flags.FlagSource
import dev.usher.flags.Status

/** How a client stands, in OpenFeature's words. */
internal data class Standing(val event: ProviderEvent, val message: String? = null, val code: ErrorCode? = null) {
    fun details(): ProviderEventDetails = ProviderEventDetails.builder().message(message).errorCode(code).build()

    companion object {
        val READY = Standing(ProviderEvent.PROVIDER_READY)
    }
}

/** Ready with the server's newest values, stale with others, and in error with none at all; nothing once it is closed. */
internal fun Status.standing(): Standing? {
    val why = obstacle?.let { ": ${it.name.lowercase()}" } ?: ""
    val code = if (refusesKey) ErrorCode.PROVIDER_FATAL else ErrorCode.PROVIDER_NOT_READY
    return when {
        state == ConnectionState.CLOSED -> null
        state == ConnectionState.LIVE -> Standing.READY
        source != FlagSource.NOTHING -> Standing(ProviderEvent.PROVIDER_STALE, "the server is away$why")
        else -> Standing(ProviderEvent.PROVIDER_ERROR, "there are no values yet: no server, no cache, no bootstrap$why", code)
    }
}

/** Whether waiting tells no more: values have come, or none will. */
internal val Status.isSettled: Boolean
    get() = refusesKey || state != ConnectionState.CONNECTING && state != ConnectionState.OFFLINE
