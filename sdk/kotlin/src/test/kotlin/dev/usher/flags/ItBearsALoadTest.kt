package dev.usher.flags

import dev.usher.flags.support.WithServer
import dev.usher.flags.support.eventually
import dev.usher.flags.support.flag
import dev.usher.flags.support.live
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.io.IOException
import java.nio.file.Files
import java.nio.file.Path
import java.util.concurrent.atomic.AtomicLong
import java.util.concurrent.locks.LockSupport
import kotlin.concurrent.thread
import kotlin.time.measureTime

private const val CHANGES = 20L

class ItBearsALoadTest : WithServer() {
    @Test
    fun `a hundred threads read while values change, and nobody sees an older one after a newer one`() {
        server.put(flag("counter", "integer", "0"), flag("counter-text", "string", "\"0\""))
        server.client().use { flags ->
            flags.live()
            val newest = AtomicLong()
            val reads = AtomicLong()
            // Each looks at what anybody has seen, then reads.
            val readers = Workers(100) {
                val before = newest.get()
                val own = flags.getInteger("counter", -1)
                check(own >= before) { "$own after $before" }
                newest.accumulateAndGet(own, ::maxOf)
                val text = flags.getString("counter-text", "-1").toLong()
                check(text >= own) { "both change together, and $text was read after $own" }
                check(flags.getInteger("seat-limit", 0) == 4L)
                // Leaves the server and the client something of two processors.
                if (reads.incrementAndGet() % 100 == 0L) LockSupport.parkNanos(1_000_000)
            }
            readers.use {
                for (n in 1..CHANGES) server.put(flag("counter", "integer", "$n"), flag("counter-text", "string", "\"$n\""))
                eventually("the last one has come") { newest.get() == CHANGES || readers.failed != null }
            }
            assertNull(readers.failed)
            println("100 threads read ${reads.get()} times while values changed $CHANGES times")
        }
    }

    @Test
    fun `it closes at once under load`() {
        val flags = server.client().live()
        val workers = Workers(8) {
            flags.getBoolean("always", false)
            flags.getBooleanDetails("always", false)
            flags.track("scans", 1.0)
            flags.onChange { }.close()
            flags.setContext(FlagContext.of("u-${(1..3).random()}"))
            flags.status
        }
        val took = workers.use {
            Thread.sleep(200)
            measureTime { flags.close() }.also { Thread.sleep(100) }
        }
        assertNull(workers.failed)
        assertTrue(took.inWholeMilliseconds < 2_000, "$took")
    }

    @Test
    fun `a thousand clients leave nothing behind`() {
        cycle(300)
        val before = settled()
        cycle(1_000)
        val after = settled()
        println("resident after 300 clients $before MiB, after 1,000 more $after MiB")
        // One that leaked would leave some 100 KiB each: a thread's stack, a connection, values.
        assertTrue(after - before < 64, "$before MiB, then $after MiB")
    }

    private fun cycle(count: Int) = repeat(count) { n ->
        server.client("u-${n % 10}").use { flags ->
            flags.onChange { }
            if (n % 50 == 0) flags.live()
            flags.getBoolean("always", false)
        }
    }

    /** This process' memory in MiB once nothing of a client is left, proc(5). */
    private fun settled(): Long {
        eventually("threads have ended") { threads() == 0L }
        // Twice: what one finds to be gone, it lets go of afterwards.
        repeat(2) {
            System.gc()
            Thread.sleep(300)
        }
        val pages = Files.readString(Path.of("/proc/self/statm")).split(' ')[1].toLong()
        return pages * 4096 / (1 shl 20)
    }

    private fun threads() = Files.list(Path.of("/proc/self/task")).use { tasks ->
        tasks.filter {
            try {
                Files.readString(it.resolve("comm")).startsWith("usher-")
            } catch (_: IOException) {
                false
            }
        }.count()
    }

    /** Does something over and over in many threads, until one fails or it is closed. */
    private class Workers(count: Int, work: () -> Unit) : AutoCloseable {
        @Volatile
        private var stopped = false

        @Volatile
        var failed: Throwable? = null

        private val threads = List(count) {
            thread {
                try {
                    while (!stopped && failed == null) work()
                } catch (thrown: Throwable) {
                    failed = thrown
                }
            }
        }

        override fun close() {
            stopped = true
            threads.forEach(Thread::join)
        }
    }
}
