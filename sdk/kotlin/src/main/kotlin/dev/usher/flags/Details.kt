package dev.usher.flags

import dev.usher.flags.ffi.AttributeValue
import dev.usher.flags.ffi.BooleanDetails
import dev.usher.flags.ffi.FloatDetails
import dev.usher.flags.ffi.IntegerDetails
import dev.usher.flags.ffi.ObjectDetails
import dev.usher.flags.ffi.StringDetails
import java.nio.charset.CharacterCodingException
import java.time.Duration
import java.time.Instant

/** Why a value is the caller's default; in OpenFeature's words. */
public typealias FlagErrorCode = dev.usher.flags.ffi.FlagErrorCode

/** Where answers come from. */
public typealias FlagSource = dev.usher.flags.ffi.FlagSource

/**
 * An answer, with all that is known about it.
 *
 * @property value the flag's, or the caller's default
 * @property variant the variant; none after an error
 * @property reason why, in OpenFeature's words: `STATIC`, `TARGETING_MATCH`, `SPLIT`, `CACHED`, `STALE`, `DEFAULT`,
 *   `DISABLED`, `ERROR`; others may come
 * @property errorCode why it is the caller's default, when it is
 * @property errorMessage the same in words
 * @property source where the answer comes from
 * @property age how long ago the server last confirmed it; none when it never did
 * @property asOf when that was, by this device's clock
 * @property metadata the rule that decided, and what the flag's author lets answers carry: booleans, whole numbers (`Long`),
 *   numbers (`Double`) and texts; anything else as JSON in a text
 */
public data class Details<out T>(
    val value: T,
    val variant: String?,
    val reason: String,
    val errorCode: FlagErrorCode?,
    val errorMessage: String?,
    val source: FlagSource,
    val age: Duration?,
    val asOf: Instant?,
    val metadata: Map<String, Any>,
)

/** The answer; the caller's default for a key or default that is no text, which nothing on the other side could read. */
internal inline fun <T> detailed(flag: String, default: T, ask: () -> Details<T>): Details<T> = try {
    ask()
} catch (_: CharacterCodingException) {
    val message = "the flag `$flag` or its default is no valid text"
    Details(default, null, "ERROR", FlagErrorCode.GENERAL, message, FlagSource.NOTHING, null, null, emptyMap())
}

internal fun BooleanDetails.toDetails() =
    Details(value, variant, reason, errorCode, errorMessage, source, ageMs.toAge(), asOfMs.toTime(), metadata.toPlain())

internal fun IntegerDetails.toDetails() =
    Details(value, variant, reason, errorCode, errorMessage, source, ageMs.toAge(), asOfMs.toTime(), metadata.toPlain())

internal fun FloatDetails.toDetails() =
    Details(value, variant, reason, errorCode, errorMessage, source, ageMs.toAge(), asOfMs.toTime(), metadata.toPlain())

internal fun StringDetails.toDetails() =
    Details(value, variant, reason, errorCode, errorMessage, source, ageMs.toAge(), asOfMs.toTime(), metadata.toPlain())

internal fun ObjectDetails.toDetails() =
    Details(value, variant, reason, errorCode, errorMessage, source, ageMs.toAge(), asOfMs.toTime(), metadata.toPlain())

private fun ULong?.toAge() = this?.let { Duration.ofMillis(it.coerceAtMost(Long.MAX_VALUE.toULong()).toLong()) }

internal fun Long?.toTime() = this?.let { Instant.ofEpochMilli(it) }

private fun Map<String, AttributeValue>.toPlain(): Map<String, Any> = mapValues { (_, value) -> value.toPlain() }

internal fun AttributeValue.toPlain(): Any = when (this) {
    is AttributeValue.Boolean -> value
    is AttributeValue.Integer -> value
    is AttributeValue.Number -> value
    is AttributeValue.Text -> value
    is AttributeValue.Texts -> values
    is AttributeValue.Json -> text
}
