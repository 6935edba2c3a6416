internal import HeroModel

/// Replaces `${NAME}` with values in the scalars of a parsed document, so that a value can never add structure.
///
/// Keys, `kind`, `pass_env` and the text of a `script` are not interpolated.
struct Interpolator {
    /// The maximum number of bytes that values may add to one file.
    static let maxAddedBytes = InputLimits.fileBytes

    /// The part of a document that contains a node.
    private enum Section {
        /// The whole document.
        case document(DocumentKind)
        /// `actions` of a service, or one of the items.
        case actions
        /// `vars` of the Settings.
        case vars
        /// `defaults` of the Settings.
        case defaults
        /// `env` of a service, of an action or of the defaults.
        case environment
        /// A variable of an `env`.
        case variable
        /// Any other value.
        case value
    }

    /// The values.
    var variables: Variables
    private var addedBytes = 0
    /// The number of problems of this file so far.
    ///
    /// Only the first ones are reported in full detail.
    var problemCount = 0

    init(_ variables: Variables) {
        self.variables = variables
    }

    /// Returns the kind of a document; nil if it is missing or unknown.
    static func kind(of document: YAMLNode) -> DocumentKind? {
        guard case .mapping(let entries) = document.content,
            case .scalar(let text, plain: _)? = entries.first(where: { $0.key == "kind" })?.value.content
        else { return nil }
        return DocumentKind(rawValue: text)
    }

    /// Replaces references in the documents of one file.
    ///
    /// A string that cannot be resolved is reported and becomes invalid.
    mutating func apply(to documents: [YAMLNode], in decoder: inout FileDecoder) -> [YAMLNode] {
        addedBytes = 0
        problemCount = 0
        return documents.map { document in
            guard let kind = Self.kind(of: document) else { return document }
            return interpolated(document, .document(kind), &decoder) ?? document
        }
    }

    /// Returns the node with replaced references; nil if nothing changes.
    private mutating func interpolated(_ node: YAMLNode, _ section: Section, _ decoder: inout FileDecoder) -> YAMLNode?
    {
        switch node.content {
        case .invalid: return nil
        case .scalar(let text, plain: _): return interpolated(text, node, section, &decoder)
        case .sequence(let items):
            var result: [YAMLNode]?
            for (index, item) in items.enumerated() {
                guard let changed = interpolated(item, section, &decoder) else { continue }
                if result == nil { result = items }
                result?[index] = changed
            }
            return result.map { YAMLNode(content: .sequence($0), span: node.span) }
        case .mapping(let entries):
            var result: [YAMLEntry]?
            for (index, entry) in entries.enumerated() {
                guard let inner = Self.section(of: entry.key, in: section),
                    let changed = interpolated(entry.value, inner, &decoder)
                else { continue }
                if result == nil { result = entries }
                result?[index].value = changed
            }
            return result.map { YAMLNode(content: .mapping($0), span: node.span) }
        }
    }

    /// Returns the section that the value of a key belongs to; nil if it is not interpolated.
    private static func section(of key: String, in section: Section) -> Section? {
        switch (section, key) {
        case (.document, "kind"): nil
        // Also in the short form of a service: a script has the variables of its shell.
        case (.document(.service), "script"), (.document(.action), "script"), (.actions, "script"): nil
        case (.document(.settings), "pass_env"): nil
        case (.document(.service), "actions"): .actions
        case (.document(.settings), "vars"), (.vars, _): .vars
        case (.document(.settings), "defaults"): .defaults
        case (.document(.service), "env"), (.document(.action), "env"), (.actions, "env"), (.defaults, "env"):
            .environment
        case (.environment, _): .variable
        // Its variables are those of the environment.
        case (.variable, "expand"): nil
        case (.document, _), (.actions, _), (.defaults, _), (.variable, _), (.value, _): .value
        }
    }

    private mutating func interpolated(
        _ text: String,
        _ node: YAMLNode,
        _ section: Section,
        _ decoder: inout FileDecoder
    ) -> YAMLNode? {
        guard text.utf8.contains(UInt8(ascii: "$")) else { return nil }
        guard addedBytes <= Self.maxAddedBytes else { return YAMLNode(content: .invalid, span: node.span) }
        let lookupScope: Variables.LookupScope = if case .vars = section { .excludingVars } else { .all }
        let template = Template(text)
        let (result, problems, unlisted, isChanged) = Self.resolve(template, &variables, lookupScope)
        for case .reference(let reference) in template.pieces where Self.isSecretName(reference.name) {
            reportSecret(reference, at: node, in: &decoder)
        }
        for problem in problems { reportUnresolved(problem, at: node, in: &decoder) }
        for reference in unlisted { reportUnlisted(reference, at: node, in: &decoder) }
        guard problems.isEmpty else { return YAMLNode(content: .invalid, span: node.span) }
        guard isChanged else {
            return result == text ? nil : YAMLNode(content: .scalar(result, plain: false), span: node.span)
        }
        addedBytes += result.utf8.count
        guard result.utf8.count <= InputLimits.scalarBytes, addedBytes <= Self.maxAddedBytes else {
            reportTooLong(result, node, in: &decoder)
            return YAMLNode(content: .invalid, span: node.span)
        }
        // The result can be a number, `true` or `false`. Everything else is a string, `null` included.
        let isTyped = result == "true" || result == "false" || Scalars.isDecimalInteger(result)
        let isPlain = isTyped || Scalars.number(result) != nil
        return YAMLNode(content: .scalar(result, plain: isPlain), span: node.span)
    }

    /// Whether a variable of this name probably has a secret as its value.
    static func isSecretName(_ name: String) -> Bool {
        let name = name.uppercased()
        return ["SECRET", "TOKEN", "PASSWORD", "KEY"].contains { name.contains($0) }
    }

    /// A piece that has no value.
    enum UnresolvedPiece {
        /// The reference is malformed.
        case malformed(Template.InvalidReference)
        /// The variable has no value.
        case unknown(Template.Reference)
        /// A value in `vars` refers to a variable of `vars`.
        case varInVars(Template.Reference)
        /// The value of the variable is invalid; this is reported at its declaration.
        case reportedElsewhere
    }

    /// Resolves a template.
    ///
    /// Returns the text, the unresolved pieces, the references whose default is used because `pass_env` does not list
    /// the name, and whether the template has references.
    private static func resolve(
        _ template: Template,
        _ variables: inout Variables,
        _ lookupScope: Variables.LookupScope
    ) -> (text: String, problems: [UnresolvedPiece], unlisted: [Template.Reference], isChanged: Bool) {
        var result = ""
        var unlisted: [Template.Reference] = []
        var problems: [UnresolvedPiece] = []
        var isChanged = false
        for piece in template.pieces {
            switch piece {
            case .text(let text): result += text
            case .invalidReference(let reference): problems.append(.malformed(reference))
            case .reference(let reference):
                isChanged = true
                // A text over the limit is not extended, because it is refused anyway.
                guard result.utf8.count <= InputLimits.scalarBytes else { continue }
                switch (variables.lookUp(reference.name, lookupScope), reference.fallback) {
                case (.value(let value), .fail): result += value
                case (.value(let value), _) where !value.isEmpty: result += value
                case (.value, .useDefault(let text)): result += text
                case (.unknown, .useDefault(let text)):
                    result += text
                    if variables.isUnlisted(reference.name) { unlisted.append(reference) }
                case (.value, .failWithMessage), (.unknown, .failWithMessage), (.unknown, .fail):
                    problems.append(.unknown(reference))
                case (.declaredInVars, _): problems.append(.varInVars(reference))
                case (.invalid, _): problems.append(.reportedElsewhere)
                }
            }
        }
        return (result, problems, unlisted, isChanged)
    }

    /// Replaces the references in a text.
    ///
    /// - Returns: The number of bytes that count as added; nil if a reference cannot be resolved.
    static func resolve(_ text: inout String, from variables: inout Variables, _ lookupScope: Variables.LookupScope)
        -> Int?
    {
        let (result, problems, _, isChanged) = resolve(Template(text), &variables, lookupScope)
        guard problems.isEmpty, !isChanged || result.utf8.count <= InputLimits.scalarBytes else { return nil }
        text = result
        return isChanged ? result.utf8.count : 0
    }
}
