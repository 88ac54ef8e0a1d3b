package dev.usher.flags

import dev.usher.flags.support.Line
import dev.usher.flags.support.WithServer
import dev.usher.flags.support.eventually
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test
import java.nio.file.Path
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.TimeUnit
import kotlin.concurrent.thread

/** As somebody runs it: a process of its own. */
class TheSampleScannerTest : WithServer() {
    @Test
    fun `it shows changes as they happen, and goes on while the network is cut`() = Line(server.url).use { line ->
        Scanner(line.url, "--every", "0.05").use { scanner ->
            val said = scanner.said
            val newest = { part: String -> said.lastOrNull { part in it }.orEmpty() }
            eventually("it is live") { said.any { " live" in it } && "always=true STATIC" in newest("ticket") }
            server.act("kill", "always")
            eventually("the kill is shown") { "always is now false" in newest("is now") && "always=false DISABLED" in newest("ticket") }
            line.cut()
            eventually("it says that it is alone") { said.any { " stale" in it } && "always=false STALE" in newest("ticket") }
            server.act("revive", "always")
            val scanned = said.size
            eventually("it goes on scanning") { said.size > scanned + 5 && "always=false STALE" in newest("ticket") }
            line.mend()
            eventually("it catches up") { "always is now true" in newest("is now") && "always=true" in newest("ticket") }
        }
    }

    @Test
    fun `it ends by itself, and says what it wants to know`() {
        Scanner(server.url, "--every", "0", "--tickets", "3").use { scanner ->
            assertEquals(0, scanner.ended())
            assertEquals(3, scanner.said.count { "ticket " in it && "always=" in it }, "${scanner.said}")
        }
        Scanner(server.url, "--venue").use { assertEquals(2, it.ended()) }
    }

    /** Ended when it is closed: one that outlived a test would keep Maven waiting for what it says. */
    private inner class Scanner(url: String, vararg more: String) : AutoCloseable {
        val said = CopyOnWriteArrayList<String>()
        private val process: Process
        private val reader: Thread

        init {
            val java = Path.of(System.getProperty("java.home"), "bin", "java")
            val library = "-Djna.library.path=${System.getProperty("jna.library.path")}"
            val words = listOf("$java", library, "-cp", System.getProperty("java.class.path"), "dev.usher.flags.examples.GateScannerKt") +
                listOf(url, server.key, "--venue", "wembley-stadium", "--flag", "always") + more
            process = ProcessBuilder(words).redirectError(ProcessBuilder.Redirect.INHERIT).start()
            reader = thread { process.inputReader().forEachLine { said += it } }
        }

        /** What it ended with, once all it said has been read. */
        fun ended(): Int {
            check(process.waitFor(45, TimeUnit.SECONDS)) { "it goes on and on: $said" }
            reader.join()
            return process.exitValue()
        }

        override fun close() {
            process.destroyForcibly()
            reader.join()
        }
    }
}
