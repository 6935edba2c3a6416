import HeroJSON
import HeroView

/// The OpenRPC 1.3 document of the methods.
enum OpenRPC {
    /// Renders the document.
    static func document(_ methods: [RPCMethod]) -> JSONValue {
        [
            "openrpc": "1.3.2",
            "info": [
                "title": "heroproc", "version": .string(Release.version),
                "description": .string(
                    "What heroproc supervises. Methods read; only apply and jobs.cleanup change something."
                ),
            ],
            "methods": .array(methods.map(method)),
        ]
    }

    private static func method(_ method: RPCMethod) -> JSONValue {
        [
            "name": .string(method.name),
            "summary": .string(method.summary),
            "description": .string(method.role == .admin ? "Only admins may call it." : "Changes nothing."),
            "paramStructure": "by-name",
            "params": .array(method.parameters.map(parameter)),
            "result": ["name": .string("\(method.name) result"), "schema": method.result],
            "errors": .array(
                errors(of: method).map { ["code": .integer($0.rawValue), "message": .string($0.summary)] }
            ),
            "examples": [
                [
                    "name": .string("\(method.name) example"),
                    "params": .array(exampleParams(method.example)),
                    "result": ["name": "result", "value": SchemaExample.value(of: method.result)],
                ]
            ],
        ]
    }

    private static func parameter(_ parameter: RPCParameter) -> JSONValue {
        [
            "name": .string(parameter.name),
            "description": .string(parameter.summary),
            "required": .bool(parameter.isRequired),
            "schema": parameter.schema,
        ]
    }

    private static func exampleParams(_ example: JSONValue) -> [JSONValue] {
        guard case .object(let members) = example else { return [] }
        return members.map { ["name": .string($0.key), "value": $0.value] }
    }

    private static func errors(of method: RPCMethod) -> [RPCError.Code] {
        var codes: [RPCError.Code] = [.invalidParams, .internalError]
        if method.parameters.contains(where: { $0.isRequired }) { codes.append(.notFound) }
        if method.role == .admin { codes += [.noReconciler, .refused, .forbidden] }
        return codes
    }
}

extension RPCError.Code {
    /// The meaning of the code.
    var summary: String {
        switch self {
        case .parseError: "The body is not JSON."
        case .invalidRequest: "The body is not a request of JSON-RPC 2.0."
        case .methodNotFound: "There is no such method."
        case .invalidParams: "A parameter is unknown, missing or unsuitable."
        case .internalError: "The request could not be answered."
        case .noReconciler: "No reconciler is running."
        case .refused: "heroproc has refused the request and changed nothing."
        case .forbidden: "The client may not call the method."
        case .notFound: "There is no object of this name."
        }
    }
}

/// Makes a small value that a JSON Schema accepts, for the documentation.
enum SchemaExample {
    /// The smallest example; it supports the keywords that heroproc's own schemas use.
    static func value(of schema: JSONValue) -> JSONValue {
        if case .array(let values) = schema["enum"] { return values.first ?? .null }
        if case .array(let choices) = schema["anyOf"] {
            return choices.contains(["type": "null"]) ? .null : choices.first.map(value) ?? .null
        }
        guard case .string(let type) = schema["type"] else { return .null }
        switch type {
        case "object": return object(schema)
        case "array": return .array([])
        case "integer", "number": return schema["minimum"] ?? 0
        case "boolean": return true
        case "string": return text(schema)
        default: return .null
        }
    }

    private static func object(_ schema: JSONValue) -> JSONValue {
        guard case .object(let properties) = schema["properties"], case .array(let required) = schema["required"] else {
            return .object([])
        }
        return .object(
            properties.filter { required.contains(.string($0.key)) }.map { .init($0.key, value(of: $0.value)) }
        )
    }

    private static func text(_ schema: JSONValue) -> JSONValue {
        if schema["format"] == "date-time" { return "2026-12-01T08:00:00.000000Z" }
        return schema["pattern"] == nil ? "text" : "core/web"
    }
}
