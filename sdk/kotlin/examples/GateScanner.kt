package dev.usher.flags.examples

import dev.usher.flags.Details
import dev.usher.flags.FlagContext
import dev.usher.flags.UsherFlags
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.delay
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import java.nio.file.Path
import java.time.LocalTime
import java.time.temporal.ChronoUnit.SECONDS
import kotlin.system.exitProcess
import kotlin.time.Duration
import kotlin.time.Duration.Companion.seconds

private const val USAGE =
    "GateScanner URL KEY --venue VENUE --flag FLAG… [--gate NAME] [--cache FOLDER] [--every SECONDS] [--tickets COUNT]"

/**
 * A gate scanner: scans tickets, shows at once when somebody changes a flag, and goes on without network, saying how old
 * its answers are.
 */
fun main(arguments: Array<String>) {
    val options = arguments.drop(2).chunked(2)
    fun all(name: String) = options.filter { it[0] == name }.map { it[1] }
    if (arguments.size < 4 || options.any { it.size < 2 } || all("--venue").isEmpty()) {
        System.err.println(USAGE)
        exitProcess(2)
    }
    UsherFlags(arguments[0], arguments[1]) {
        venue(all("--venue").first())
        context(FlagContext.of(all("--gate").firstOrNull() ?: "gate-7"))
        appVersion("1.0.0")
        all("--cache").firstOrNull()?.let { cacheDir(Path.of(it)) }
    }.use { flags ->
        val every = (all("--every").firstOrNull() ?: "1").toDouble().seconds
        val tickets = all("--tickets").firstOrNull()?.toInt() ?: Int.MAX_VALUE
        runBlocking(Dispatchers.Default) { work(flags, all("--flag"), every, tickets) }
    }
}

private suspend fun work(flags: UsherFlags, shown: List<String>, every: Duration, tickets: Int) = coroutineScope {
    val watching = launch(start = CoroutineStart.UNDISPATCHED) { watch(flags, shown) }
    for (ticket in 1..tickets) {
        val answers = shown.joinToString("; ") { "$it=${flags.getBooleanDetails(it, false).inWords()}" }
        say("ticket $ticket: $answers")
        flags.trackResult("scan", true)
        delay(every)
    }
    watching.cancel()
}

/** Listens from the moment of the call: what changes before there is a collector is told to nobody. */
private suspend fun watch(flags: UsherFlags, shown: List<String>) = coroutineScope {
    launch(start = CoroutineStart.UNDISPATCHED) {
        flags.changes.collect { changed ->
            shown.filter { it in changed }.forEach { say("$it is now ${flags.getBoolean(it, false)}") }
        }
    }
    flags.statuses.collect { status ->
        val why = status.obstacle?.let { " (${it.name.lowercase()})" } ?: ""
        say(status.state.name.lowercase() + why)
    }
}

private fun Details<Boolean>.inWords(): String =
    "$value $reason ${age?.let { "${it.toSeconds()} s old" } ?: "never confirmed"}"

private fun say(words: String) = println("${LocalTime.now().truncatedTo(SECONDS)} $words")
