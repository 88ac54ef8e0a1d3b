package dev.usher.flags.support

import dev.usher.flags.Builder
import dev.usher.flags.FlagContext
import dev.usher.flags.UsherFlags
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import java.net.URI
import java.net.http.HttpClient
import java.net.http.HttpRequest
import java.net.http.HttpResponse.BodyHandlers
import java.nio.file.Files
import java.nio.file.Path
import java.util.concurrent.TimeUnit

private const val ADMIN_TOKEN = "uat_kotlin-tests-administrator"

/** A real `usher serve` on a port of its own, filled with the workspace that all of Usher's clients are asked about. */
class Server(heartbeatSeconds: Int = 15) : AutoCloseable {
    private val folder = Files.createTempDirectory("usher-kotlin-")
    private val http = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build()
    private val process: Process
    val url: String

    /** A client key of production. */
    val key: String

    init {
        val binary = System.getProperty("usher.binary")
        val words = listOf(binary, "serve", "--listen", "127.0.0.1:0", "--data", "$folder", "--output", "json")
        val builder = ProcessBuilder(words).redirectError(ProcessBuilder.Redirect.INHERIT)
        // Settings of whoever runs the tests are not the tests' settings.
        builder.environment().keys.removeIf { it.startsWith("USHER_") }
        builder.environment() += mapOf(
            "USHER_ADMIN_TOKEN" to ADMIN_TOKEN,
            "USHER_LOG" to "warn",
            "USHER_HEARTBEAT_SECONDS" to "$heartbeatSeconds",
        )
        process = builder.start()
        // Whatever becomes of the tests, no server outlives them.
        Runtime.getRuntime().addShutdownHook(Thread { process.destroyForcibly() })
        val line = process.inputReader().readLine() ?: error("$binary ended before it listened")
        url = Json.parseToJsonElement(line).jsonObject.getValue("url").jsonPrimitive.content
        val repository = Path.of(System.getProperty("usher.repository"))
        val workspace = Files.readString(repository.resolve("tests/ofrep-clients/workspace.json"))
        put(*Json.parseToJsonElement(workspace).jsonArray.map { "$it" }.toTypedArray())
        key = key("client")
    }

    /** The secret of a new key of production. */
    fun key(type: String): String {
        val wanted = """{"name": "$type-key", "type": "$type", "environment": "production"}"""
        return post("/api/v1/keys", wanted).jsonObject.getValue("secret").jsonPrimitive.content
    }

    /** Writes documents, all in one commit. */
    fun put(vararg documents: String) {
        val changes = documents.joinToString { """{"put": $it}""" }
        post("/api/v1/commits", """{"message": "Write flags", "changes": [$changes]}""")
    }

    /** `kill` or `revive`, everywhere. */
    fun act(action: String, flag: String) {
        post("/api/v1/flags/$flag/environments/production/$action", "{}")
    }

    /** A client at Wembley. */
    fun client(who: String = "u-1", url: String = this.url, setup: Builder.() -> Unit = {}): UsherFlags =
        UsherFlags(url, key) {
            venue("wembley-stadium")
            context(FlagContext.of(who))
            setup()
        }

    private fun post(path: String, body: String): JsonElement {
        val request = HttpRequest.newBuilder(URI(url + path))
            .header("Authorization", "Bearer $ADMIN_TOKEN")
            .header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString(body))
        val answer = http.send(request.build(), BodyHandlers.ofString())
        check(answer.statusCode() in 200..299) { "$path: ${answer.statusCode()} ${answer.body()}" }
        return Json.parseToJsonElement(answer.body())
    }

    override fun close() {
        process.destroy()
        if (!process.waitFor(20, TimeUnit.SECONDS)) process.destroyForcibly()
        folder.toFile().deleteRecursively()
    }
}

/** A flag that gives everybody this. */
fun flag(key: String, type: String, value: String): String =
    """{"kind": "flag", "key": "$key", "type": "$type", "variants": {"on": $value}, "clientVisible": true,
        "environments": {"production": {"enabled": true, "offVariant": "on", "default": {"variant": "on"}}}}"""
