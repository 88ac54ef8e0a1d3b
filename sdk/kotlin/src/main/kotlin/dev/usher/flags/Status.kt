package dev.usher.flags

import dev.usher.flags.ffi.StatusReport
import java.time.Instant

/** How a client stands with its server, in a word. */
public typealias ConnectionState = dev.usher.flags.ffi.ConnectionState

/** What keeps a client from its server. */
public typealias Obstacle = dev.usher.flags.ffi.Obstacle

/**
 * How a client stands with its server, for a screen or a log.
 *
 * @property state in a word
 * @property since while stale: since when, by this device's clock
 * @property obstacle what is in the way, as far as it is known
 * @property source where answers come from
 * @property wantsSignedContext another signed context is needed: the one that there is ends within minutes, or is not
 *   taken. To be asked of the app's backend, and handed to [UsherFlags.setSignedContext]; values stay until then
 * @property renewals how often another signed context was asked for: the same need, asked for again, is another status
 * @property refusesKey the server refuses the key itself, or this version of the library: nothing that the app could say
 *   helps. The client goes on trying, in case somebody takes that back
 */
public data class Status(
    val state: ConnectionState,
    val since: Instant?,
    val obstacle: Obstacle?,
    val source: FlagSource,
    val wantsSignedContext: Boolean = false,
    val renewals: Long = 0,
    val refusesKey: Boolean = false,
)

internal fun StatusReport.toStatus() =
    Status(state, sinceMs.toTime(), obstacle, source, wantsSignedContext, renewals.toLong(), refusesKey)
