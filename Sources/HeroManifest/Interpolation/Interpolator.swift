internal import HeroModel

/// Puts values in place of `${NAME}` in the scalars of a document, after it was parsed: a value can never add structure.
///
/// Keys are never touched, nor are `kind`, `pass_env` and the text of a `script`.
struct Interpolator {
    /// Bytes that values may add to one file.
    static let maxAddedBytes = InputLimits.fileBytes

    /// Where a node stands, as far as it matters here.
    private enum Section {
        /// The whole document.
        case document(DocumentKind)
        /// `actions` of a service, or one of its items.
        case actions
        /// `vars` of the Settings.
        case vars
        /// Anything else.
        case value
    }

    /// The values.
    var variables: Variables
    private var addedBytes = 0
    /// Problems of this file so far: the first ones are told with all that is known about them, and the rest is hardly shown.
    var problemCount = 0

    init(_ variables: Variables) {
        self.variables = variables
    }

    /// The kind that a document says it has; nil where it says none, or an unknown one.
    static func kind(of document: YAMLNode) -> DocumentKind? {
        guard case .mapping(let entries) = document.content,
            case .scalar(let text, plain: _)? = entries.first(where: { $0.key == "kind" })?.value.content
        else { return nil }
        return DocumentKind(rawValue: text)
    }

    /// The documents of one file with values in place of references; what has none is reported and made unusable.
    mutating func apply(to documents: [YAMLNode], in scope: inout FileDecoder) -> [YAMLNode] {
        addedBytes = 0
        problemCount = 0
        return documents.map { document in
            guard let kind = Self.kind(of: document) else { return document }
            return interpolated(document, .document(kind), &scope) ?? document
        }
    }

    /// The node with values in it; nil where nothing changes.
    private mutating func interpolated(_ node: YAMLNode, _ position: Section, _ scope: inout FileDecoder) -> YAMLNode? {
        switch node.content {
        case .invalid: return nil
        case .scalar(let text, plain: _): return interpolated(text, node, position, &scope)
        case .sequence(let items):
            var result: [YAMLNode]?
            for (index, item) in items.enumerated() {
                guard let changed = interpolated(item, position, &scope) else { continue }
                if result == nil { result = items }
                result?[index] = changed
            }
            return result.map { YAMLNode(content: .sequence($0), span: node.span) }
        case .mapping(let entries):
            var result: [YAMLEntry]?
            for (index, entry) in entries.enumerated() {
                guard let inner = Self.section(of: entry.key, in: position),
                    let changed = interpolated(entry.value, inner, &scope)
                else { continue }
                if result == nil { result = entries }
                result?[index].value = changed
            }
            return result.map { YAMLNode(content: .mapping($0), span: node.span) }
        }
    }

    /// Where the value of a key stands; nil where nothing is put into it.
    private static func section(of key: String, in position: Section) -> Section? {
        switch (position, key) {
        case (.document, "kind"), (.document(.action), "script"), (.actions, "script"): nil
        case (.document(.settings), "pass_env"): nil
        case (.document(.service), "actions"): .actions
        case (.document(.settings), "vars"), (.vars, _): .vars
        case (.document, _), (.actions, _), (.value, _): .value
        }
    }

    private mutating func interpolated(
        _ text: String,
        _ node: YAMLNode,
        _ position: Section,
        _ scope: inout FileDecoder
    ) -> YAMLNode? {
        guard text.utf8.contains(UInt8(ascii: "$")) else { return nil }
        guard addedBytes <= Self.maxAddedBytes else { return YAMLNode(content: .invalid, span: node.span) }
        let reach: Variables.LookupScope = if case .vars = position { .excludingVars } else { .all }
        let (result, problems, isChanged) = Self.resolve(Template(text), &variables, reach)
        for problem in problems { reportUnresolved(problem, at: node, in: &scope) }
        guard problems.isEmpty else { return YAMLNode(content: .invalid, span: node.span) }
        guard isChanged else {
            return result == text ? nil : YAMLNode(content: .scalar(result, plain: false), span: node.span)
        }
        addedBytes += result.utf8.count
        guard result.utf8.count <= InputLimits.scalarBytes, addedBytes <= Self.maxAddedBytes else {
            reportTooLong(result, node, in: &scope)
            return YAMLNode(content: .invalid, span: node.span)
        }
        // It may be the number, `true` or `false` that is wanted; it is a text in every other case, null included.
        let isTyped = result == "true" || result == "false" || Scalars.isDecimalInteger(result)
        let isPlain = isTyped || Scalars.number(result) != nil
        return YAMLNode(content: .scalar(result, plain: isPlain), span: node.span)
    }

    /// Why a piece has no text.
    enum UnresolvedPiece {
        /// It is no reference.
        case malformed(Template.InvalidReference)
        /// Its variable has no value.
        case unknown(Template.Reference)
        /// Its variable is one of the `vars`, and so is the text it stands in.
        case varInVars(Template.Reference)
        /// Its variable's own value is wrong, which is said there.
        case reportedElsewhere
    }

    /// The text of a template, why some of it has none, and whether any value was put into it.
    private static func resolve(
        _ template: Template,
        _ variables: inout Variables,
        _ reach: Variables.LookupScope
    ) -> (text: String, problems: [UnresolvedPiece], isChanged: Bool) {
        var result = ""
        var problems: [UnresolvedPiece] = []
        var isChanged = false
        for piece in template.pieces {
            switch piece {
            case .text(let text): result += text
            case .invalidReference(let mistake): problems.append(.malformed(mistake))
            case .reference(let reference):
                isChanged = true
                // A text that is far too long grows no further: it is refused anyway.
                guard result.utf8.count <= InputLimits.scalarBytes else { continue }
                switch (variables.lookUp(reference.name, reach), reference.fallback) {
                case (.value(let value), .fail): result += value
                case (.value(let value), _) where !value.isEmpty: result += value
                case (.value, .useDefault(let text)), (.unknown, .useDefault(let text)): result += text
                case (.value, .failWithMessage), (.unknown, .failWithMessage), (.unknown, .fail):
                    problems.append(.unknown(reference))
                case (.declaredInVars, _): problems.append(.varInVars(reference))
                case (.invalid, _): problems.append(.reportedElsewhere)
                }
            }
        }
        return (result, problems, isChanged)
    }

    /// Puts values into a text.
    ///
    /// - Returns: how many bytes count as added by them; nil where that cannot be done.
    static func resolve(_ text: inout String, from variables: inout Variables, _ reach: Variables.LookupScope) -> Int? {
        let (result, problems, isChanged) = resolve(Template(text), &variables, reach)
        guard problems.isEmpty, !isChanged || result.utf8.count <= InputLimits.scalarBytes else { return nil }
        text = result
        return isChanged ? result.utf8.count : 0
    }
}
