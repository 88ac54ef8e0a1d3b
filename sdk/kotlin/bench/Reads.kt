package dev.usher.flags.bench

import com.sun.jna.Library
import com.sun.jna.Native
import dev.usher.flags.UsherFlags
import dev.usher.flags.ffi.Config
import dev.usher.flags.ffi.FlagsClient
import dev.usher.flags.support.Server
import dev.usher.flags.support.live
import java.nio.file.Files
import java.nio.file.Path

private const val BATCHES = 15

/** A call of nothing, as JNA's direct mapping makes it; UniFFI's sources use that too. */
private object Direct {
    init {
        Native.register(Direct::class.java, "usher_ffi")
    }

    @JvmStatic
    external fun ffi_usher_ffi_uniffi_contract_version(): Int
}

/** The same as its interface mapping makes it. */
private interface Mapped : Library {
    fun ffi_usher_ffi_uniffi_contract_version(): Int
}

/** Keeps what is read from being optimised away. */
@Volatile
private var sink = 0L

/** Nanoseconds of a call: the median of batches, after the compilers have had theirs. */
private inline fun measure(name: String, calls: Int, crossinline call: () -> Long) {
    val taken = LongArray(BATCHES * 2) {
        val begun = System.nanoTime()
        var sum = 0L
        repeat(calls) { sum += call() }
        sink = sum
        System.nanoTime() - begun
    }
    val warm = taken.drop(BATCHES).sorted()
    println("$name\t${warm[warm.size / 2].toDouble() / calls}")
}

private fun Boolean.number() = if (this) 1L else 0L

/** What a read costs in Kotlin: live, with a server of its own, and from a bootstrap alone, which is the only argument. */
fun main(arguments: Array<String>) {
    val mapped = Native.load("usher_ffi", Mapped::class.java)
    measure("JVM: a call of nothing by JNA, directly", 300_000) { Direct.ffi_usher_ffi_uniffi_contract_version().toLong() }
    measure("JVM: a call of nothing by JNA, through an interface", 300_000) {
        mapped.ffi_usher_ffi_uniffi_contract_version().toLong()
    }
    Server().use { server ->
        server.client().live().use { flags ->
            check(flags.getBoolean("always", false) && flags.getString("banner", "") != "")
            measure("Kotlin: `getBoolean`, live", 2_000_000) { flags.getBoolean("always", false).number() }
            measure("Kotlin: `getString`, live", 2_000_000) { flags.getString("banner", "").length.toLong() }
            measure("Kotlin: `getBooleanDetails`, live", 1_000) { flags.getBooleanDetails("always", false).value.number() }
        }
    }
    val values = Files.readString(Path.of(arguments[0]))
    UsherFlags("http://127.0.0.1:1", "uck_bench") { bootstrap(values) }.use { flags ->
        check(flags.getBoolean("flag-50", false) && flags.getString("text", "") != "")
        measure("Kotlin: `getBoolean`, without a server", 500_000) { flags.getBoolean("flag-50", false).number() }
    }
    // What the package stands on, with nothing kept.
    FlagsClient(Config("http://127.0.0.1:1", "uck_bench", bootstrap = values)).use { native ->
        measure("Kotlin: UniFFI's own `boolean`", 3_000) { native.boolean("flag-50", false).number() }
        measure("Kotlin: UniFFI's own `string`", 3_000) { native.string("text", "").length.toLong() }
        native.shutdown()
    }
}
