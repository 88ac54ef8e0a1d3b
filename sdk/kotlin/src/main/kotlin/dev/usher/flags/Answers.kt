package dev.usher.flags

import com.sun.jna.Pointer
import dev.usher.flags.ffi.FlagsClient
import java.lang.ref.Reference
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.nio.charset.CharacterCodingException
import java.time.Duration
import java.util.concurrent.ConcurrentHashMap

/** The part of an edition that tells of changes under way. */
private const val UNDER_WAY = 0x7FL

/** The part that tells that the client is not live. The rest counts changes that are done. */
private const val AWAY = 0x80L

/** How long an answer is kept while the client is not live, when it can become too old by itself. */
private val KEPT_AWAY = Duration.ofSeconds(1).toNanos()

/** Answers that are kept at most, for programs that make up keys. More are asked for each time. */
private const val MAX_KEPT = 10_000

/**
 * Answers that were read, kept on this side for as long as the library would give the same: a call through JNA takes
 * microseconds, a look at a map nanoseconds.
 *
 * The library counts editions of its answers at a place in memory. An answer is kept when the edition was the same before
 * and after it was read, and given while it still is. The edition changes before the library exchanges anything, so a kill
 * is seen by the first read after it arrived, without any listener having been told, and nobody who saw a newer value is
 * given an older one. While the client is not live, when an answer can become too old by itself (`whenStale`), it is kept
 * for a second.
 */
internal class Answers(private val native: FlagsClient) {
    private val edition: ByteBuffer =
        Pointer(native.editionAddress().toLong()).getByteBuffer(0, Long.SIZE_BYTES.toLong()).order(ByteOrder.nativeOrder())

    @Volatile
    private var kept = Kept(UNDER_WAY)

    private class Kept(val edition: Long) {
        val answers = ConcurrentHashMap<String, Any>()
        private val since = System.nanoTime()

        fun isOver() = edition and AWAY != 0L && System.nanoTime() - since > KEPT_AWAY
    }

    fun boolean(flag: String, default: Boolean): Boolean {
        val known = find(flag)
        if (known is BooleanAnswer && (known.value != known.default || known.default == default)) return known.value
        return ask(flag, default, { native.boolean(flag, default) }) { BooleanAnswer(default, it) }
    }

    fun integer(flag: String, default: Long): Long {
        val known = find(flag)
        if (known is IntegerAnswer && (known.value != known.default || known.default == default)) return known.value
        return ask(flag, default, { native.integer(flag, default) }) { IntegerAnswer(default, it) }
    }

    fun float(flag: String, default: Double): Double {
        val known = find(flag)
        // As bits: a default may be no number, which is not even itself.
        if (known is FloatAnswer) {
            val own = known.default.toRawBits()
            if (known.value.toRawBits() != own || own == default.toRawBits()) return known.value
        }
        return ask(flag, default, { native.float(flag, default) }) { FloatAnswer(default, it) }
    }

    fun string(flag: String, default: String): String {
        val known = find(flag)
        if (known is StringAnswer && (known.isServed || known.default == default)) return known.value
        return ask(flag, default, { native.string(flag, default) }) { StringAnswer(default, it) }
    }

    fun json(flag: String, default: String): String {
        val known = find(flag)
        if (known is JsonAnswer && (known.isServed || known.default == default)) return known.value
        return ask(flag, default, { native.`object`(flag, default) }) { JsonAnswer(default, it) }
    }

    /** Where the client now is. The client is held meanwhile, for the place is its own. */
    private fun look(): Long {
        val now = edition.getLong(0)
        Reference.reachabilityFence(native)
        return now
    }

    private fun find(flag: String): Any? {
        // In this order: the volatile read keeps the look from being moved out of a loop.
        val kept = kept
        return if (kept.edition == look() && !kept.isOver()) kept.answers[flag] else null
    }

    /** Asks the library, and keeps what it says if nothing has changed meanwhile. */
    private inline fun <T> ask(flag: String, default: T, read: () -> T, answer: (T) -> Any): T {
        val before = look()
        // A key that is no text, half of a surrogate pair, is nobody's.
        val value = try {
            read()
        } catch (_: CharacterCodingException) {
            return default
        }
        // The call ends with an atomic exchange, so this look comes after it on every processor.
        if (before and UNDER_WAY == 0L && look() == before) {
            val own = kept.takeIf { it.edition == before && !it.isOver() } ?: Kept(before).also { kept = it }
            if (own.answers.size < MAX_KEPT) own.answers[flag] = answer(value)
        }
        return value
    }
}

// A value that is not the default it was asked with is the flag's, and so is right for every default. One that is may be
// either, and so is right for that default alone.

private class BooleanAnswer(val default: Boolean, val value: Boolean)

private class IntegerAnswer(val default: Long, val value: Long)

private class FloatAnswer(val default: Double, val value: Double)

private class StringAnswer(val default: String, val value: String) {
    val isServed = value != default
}

private class JsonAnswer(val default: String, val value: String) {
    val isServed = value != default
}
