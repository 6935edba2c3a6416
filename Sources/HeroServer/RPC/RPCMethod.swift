import HeroJSON
import HeroModel

/// A named parameter of a method.
struct RPCParameter: Sendable {
    /// The values that a parameter accepts.
    enum Kind: Sendable {
        /// `NAME` of context core, or `CONTEXT/NAME`.
        case name
        /// A name without a context.
        case plainName
        case text
        case boolean
        case integer(ClosedRange<Int64>)
        case oneOf([String])
        /// Names of services.
        case names
    }

    var name: String
    var kind: Kind
    var summary: String
    var isRequired = false

    init(_ name: String, _ kind: Kind, _ summary: String) {
        self.name = name
        self.kind = kind
        self.summary = summary
    }

    /// The same parameter, which must be given.
    var required: RPCParameter {
        var copy = self
        copy.isRequired = true
        return copy
    }

    /// The JSON Schema of its values.
    var schema: JSONValue {
        switch kind {
        case .name: ["type": "string", "pattern": .string("^(\(Self.namePattern)/)?\(Self.namePattern)$")]
        case .plainName: ["type": "string", "pattern": .string("^\(Self.namePattern)$")]
        case .text: ["type": "string", "minLength": 1, "maxLength": 256]
        case .boolean: ["type": "boolean"]
        case .integer(let range):
            ["type": "integer", "minimum": .integer(range.lowerBound), "maximum": .integer(range.upperBound)]
        case .oneOf(let values): ["enum": .array(values.map(JSONValue.string))]
        case .names:
            [
                "type": "array", "minItems": 1,
                "items": ["type": "string", "pattern": .string("^(\(Self.namePattern)/)?\(Self.namePattern)$")],
            ]
        }
    }

    private static let namePattern = "[a-z0-9][a-z0-9_-]{0,62}"

    /// The problem of a value; nil if it is accepted.
    func problem(of value: JSONValue) -> String? {
        accepts(value) ? nil : "the parameter `\(name)` must match \(schema.text())"
    }

    private func accepts(_ value: JSONValue) -> Bool {
        switch kind {
        case .name: return Self.isName(value)
        case .plainName:
            guard case .string(let text) = value else { return false }
            return QualifiedName.isValid(text)
        case .text:
            guard case .string(let text) = value else { return false }
            return (1...256).contains(text.unicodeScalars.count) && !text.utf8.contains(0)
        case .boolean:
            guard case .bool = value else { return false }
            return true
        case .integer(let range):
            guard case .integer(let number) = value else { return false }
            return range.contains(number)
        case .oneOf(let values):
            guard case .string(let text) = value else { return false }
            return values.contains(text)
        case .names:
            guard case .array(let items) = value else { return false }
            return !items.isEmpty && items.allSatisfy(Self.isName)
        }
    }

    private static func isName(_ value: JSONValue) -> Bool {
        guard case .string(let text) = value else { return false }
        return QualifiedName(reference: text, in: "core") != nil
    }
}

/// The checked parameters of a call.
struct RPCArguments: Sendable {
    private let members: [String: JSONValue]

    /// Checks the parameters of a call.
    ///
    /// - Throws: `RPCError` for an unknown, missing or unsuitable parameter.
    init(_ params: JSONValue?, for parameters: [RPCParameter]) throws(RPCError) {
        var members: [String: JSONValue] = [:]
        switch params {
        case nil: break
        case .object(let given):
            for member in given {
                guard let parameter = parameters.first(where: { $0.name == member.key }) else {
                    let known = parameters.isEmpty ? "none" : parameters.map(\.name).joined(separator: ", ")
                    throw RPCError(.invalidParams, "unknown parameter `\(member.key)`; the parameters are: \(known)")
                }
                guard members[member.key] == nil else {
                    throw RPCError(.invalidParams, "the parameter `\(member.key)` is given twice")
                }
                if let problem = parameter.problem(of: member.value) { throw RPCError(.invalidParams, problem) }
                members[member.key] = member.value
            }
        case .array(let items) where items.isEmpty: break
        case .some: throw RPCError(.invalidParams, "parameters are given by name, as an object")
        }
        for parameter in parameters where parameter.isRequired && members[parameter.name] == nil {
            throw RPCError(.invalidParams, "the parameter `\(parameter.name)` is missing")
        }
        self.members = members
    }

    func text(_ name: String) -> String? {
        guard case .string(let text) = members[name] else { return nil }
        return text
    }

    func flag(_ name: String) -> Bool {
        members[name] == .bool(true)
    }

    func integer(_ name: String) -> Int64? {
        guard case .integer(let number) = members[name] else { return nil }
        return number
    }

    func texts(_ name: String) -> [String] {
        guard case .array(let items) = members[name] else { return [] }
        return items.compactMap { item in
            guard case .string(let text) = item else { return nil }
            return text
        }
    }

    /// The name of a service or standalone action.
    func name(_ name: String = "name") -> QualifiedName? {
        text(name).flatMap { QualifiedName(reference: $0, in: "core") }
    }
}

/// A method that clients can call.
struct RPCMethod: Sendable {
    var name: String
    var summary: String
    var parameters: [RPCParameter]
    /// The JSON Schema of the result.
    var result: JSONValue
    /// The role that the client needs.
    var role = Role.reader
    /// The parameters of the example in the documentation.
    var example: JSONValue = .object([])
    var body: @Sendable (RPCArguments, ServerData) throws(RPCError) -> JSONValue
}
