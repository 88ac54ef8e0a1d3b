package dev.usher.flags

import dev.usher.flags.support.Line
import dev.usher.flags.support.WithServer
import dev.usher.flags.support.eventually
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test
import java.nio.file.Path
import java.util.concurrent.CopyOnWriteArrayList
import kotlin.concurrent.thread

/** As somebody runs it: a process of its own. */
class TheSampleScannerTest : WithServer() {
    @Test
    fun `it shows changes as they happen, and goes on while the network is cut`() = Line(server.url).use { line ->
        val process = scanner(line.url, "--every", "0.05")
        val said = CopyOnWriteArrayList<String>()
        val reader = thread { process.inputReader().forEachLine { said += it } }
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
        process.destroy()
        reader.join()
    }

    @Test
    fun `it ends by itself, and says what it wants to know`() {
        val process = scanner(server.url, "--every", "0", "--tickets", "3")
        val said = process.inputReader().readLines()
        assertEquals(0, process.waitFor())
        assertEquals(3, said.count { "ticket " in it && "always=" in it }, "$said")
        assertEquals(2, scanner(server.url, "--venue").waitFor())
    }

    private fun scanner(url: String, vararg more: String): Process {
        val java = Path.of(System.getProperty("java.home"), "bin", "java")
        val library = "-Djna.library.path=${System.getProperty("jna.library.path")}"
        val words = listOf("$java", library, "-cp", System.getProperty("java.class.path"), "dev.usher.flags.examples.GateScannerKt") +
            listOf(url, server.key, "--venue", "wembley-stadium", "--flag", "always") + more
        return ProcessBuilder(words).redirectError(ProcessBuilder.Redirect.INHERIT).start()
    }
}
