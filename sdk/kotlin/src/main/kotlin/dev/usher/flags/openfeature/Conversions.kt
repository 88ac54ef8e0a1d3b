package dev.usher.flags.openfeature

import dev.openfeature.sdk.EvaluationContext
import dev.openfeature.sdk.ImmutableMetadata
import dev.openfeature.sdk.ImmutableStructure
import dev.openfeature.sdk.Value
import dev.usher.flags.FlagContext
import dev.usher.flags.ffi.AttributeValue
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.booleanOrNull
import kotlinx.serialization.json.doubleOrNull
import kotlinx.serialization.json.intOrNull

private const val VENUE = "venue"

/** The same, as Usher has it. */
internal fun EvaluationContext.toFlagContext(): FlagContext {
    var context = targetingKey?.takeUnless(String::isEmpty)?.let { FlagContext.of(it) } ?: FlagContext.ANONYMOUS
    for ((name, value) in asMap()) {
        val attribute = value?.toAttribute() ?: continue
        context = when {
            name == EvaluationContext.TARGETING_KEY -> context
            name == VENUE && attribute is AttributeValue.Text -> context.at(attribute.value)
            else -> context.plus(name, attribute)
        }
    }
    return context
}

/** The first name by which it says something that the values are not for. What it leaves open is as the client has it. */
internal fun EvaluationContext.saysOtherThan(asked: FlagContext): String? {
    if (isEmpty) return null
    val own = toFlagContext()
    return when {
        own.targetingKey != null && own.targetingKey != asked.targetingKey -> EvaluationContext.TARGETING_KEY
        own.venue != null && own.venue != asked.venue -> VENUE
        else -> own.attributes.entries.firstOrNull { (name, value) -> asked.attributes[name] != value }?.key
    }
}

private fun Value.toAttribute(): AttributeValue? = when {
    isNull -> null
    isBoolean -> AttributeValue.Boolean(asBoolean())
    isString -> AttributeValue.Text(asString())
    isInstant -> AttributeValue.Text(asInstant().toString())
    isNumber -> asDouble().let { number ->
        val whole = number.toLong()
        if (whole.toDouble() == number) AttributeValue.Integer(whole) else AttributeValue.Number(number)
    }
    isList && asList().all { it.isString } -> AttributeValue.Texts(asList().map { it.asString() })
    else -> AttributeValue.Json(toJson().toString())
}

private fun Value.toJson(): JsonElement = when {
    isBoolean -> JsonPrimitive(asBoolean())
    isString -> JsonPrimitive(asString())
    isInstant -> JsonPrimitive(asInstant().toString())
    isNumber -> JsonPrimitive(asDouble())
    isList -> JsonArray(asList().map { it.toJson() })
    isStructure -> JsonObject(asStructure().asMap().mapValues { (_, value) -> value?.toJson() ?: JsonNull })
    else -> JsonNull
}

/** A JSON text as a value. */
internal fun parsed(json: String): Value = Json.parseToJsonElement(json).toValue()

private fun JsonElement.toValue(): Value = when (this) {
    is JsonNull -> Value()
    is JsonObject -> Value(ImmutableStructure(mapValues { (_, value) -> value.toValue() }))
    is JsonArray -> Value(map { it.toValue() })
    is JsonPrimitive -> when {
        isString -> Value(content)
        else -> booleanOrNull?.let { Value(it) } ?: intOrNull?.let { Value(it) } ?: Value(doubleOrNull)
    }
}

/** What metadata can hold. */
internal fun Map<String, Any>.toMetadata(): ImmutableMetadata {
    val builder = ImmutableMetadata.builder()
    for ((name, value) in this) {
        when (value) {
            is Boolean -> builder.addBoolean(name, value)
            is Long -> builder.addLong(name, value)
            is Double -> builder.addDouble(name, value)
            else -> builder.addString(name, value.toString())
        }
    }
    return builder.build()
}
