internal import HeroModel

/// Puts values in place of `${NAME}` in the scalars of a document, after it was parsed: a value can never add structure.
///
/// Keys are never touched, nor are `kind`, `pass_env` and the text of a `script`.
struct Interpolation {
    /// Bytes that values may add to one file.
    static let budget = Budget.fileBytes

    /// Where a node stands, as far as it matters here.
    private enum Position {
        /// The whole document.
        case document(Kind)
        /// `actions` of a service, or one of its items.
        case actions
        /// `vars` of the Settings.
        case vars
        /// Anything else.
        case value
    }

    /// The values.
    var variables: Variables
    private var spent = 0
    /// Problems of this file so far: the first ones are told with all that is known about them, and the rest is hardly shown.
    var problemCount = 0

    init(_ variables: Variables) {
        self.variables = variables
    }

    /// The kind that a document says it has; nil where it says none, or an unknown one.
    static func kind(of document: Node) -> Kind? {
        guard case .mapping(let entries) = document.content,
            case .scalar(let text, plain: _)? = entries.first(where: { $0.key == "kind" })?.value.content
        else { return nil }
        return Kind(rawValue: text)
    }

    /// The documents of one file with values in place of references; what has none is reported and made unusable.
    mutating func apply(to documents: [Node], in scope: inout Scope) -> [Node] {
        spent = 0
        problemCount = 0
        return documents.map { document in
            guard let kind = Self.kind(of: document) else { return document }
            return replaced(document, .document(kind), &scope) ?? document
        }
    }

    /// The node with values in it; nil where nothing changes.
    private mutating func replaced(_ node: Node, _ position: Position, _ scope: inout Scope) -> Node? {
        switch node.content {
        case .unusable: return nil
        case .scalar(let text, plain: _): return replaced(text, node, position, &scope)
        case .sequence(let items):
            var result: [Node]?
            for (index, item) in items.enumerated() {
                guard let changed = replaced(item, position, &scope) else { continue }
                if result == nil { result = items }
                result?[index] = changed
            }
            return result.map { Node(content: .sequence($0), span: node.span) }
        case .mapping(let entries):
            var result: [Entry]?
            for (index, entry) in entries.enumerated() {
                guard let inner = Self.position(of: entry.key, in: position),
                    let changed = replaced(entry.value, inner, &scope)
                else { continue }
                if result == nil { result = entries }
                result?[index].value = changed
            }
            return result.map { Node(content: .mapping($0), span: node.span) }
        }
    }

    /// Where the value of a key stands; nil where nothing is put into it.
    private static func position(of key: String, in position: Position) -> Position? {
        switch (position, key) {
        case (.document, "kind"), (.document(.action), "script"), (.actions, "script"): nil
        case (.document(.settings), "pass_env"): nil
        case (.document(.service), "actions"): .actions
        case (.document(.settings), "vars"), (.vars, _): .vars
        case (.document, _), (.actions, _), (.value, _): .value
        }
    }

    private mutating func replaced(
        _ text: String,
        _ node: Node,
        _ position: Position,
        _ scope: inout Scope
    ) -> Node? {
        guard text.utf8.contains(UInt8(ascii: "$")) else { return nil }
        guard spent <= Self.budget else { return Node(content: .unusable, span: node.span) }
        let reach: Variables.Reach = if case .vars = position { .outsideOfVars } else { .all }
        let (result, problems, isChanged) = Self.resolve(Template(text), &variables, reach)
        for problem in problems { report(problem, at: node, in: &scope) }
        guard problems.isEmpty else { return Node(content: .unusable, span: node.span) }
        guard isChanged else {
            return result == text ? nil : Node(content: .scalar(result, plain: false), span: node.span)
        }
        spent += result.utf8.count
        guard result.utf8.count <= Budget.scalarBytes, spent <= Self.budget else {
            reportTooLong(result, node, in: &scope)
            return Node(content: .unusable, span: node.span)
        }
        // It may be the number, `true` or `false` that is wanted; it is a text in every other case, null included.
        let isTyped = result == "true" || result == "false" || Scalars.looksDecimal(result)
        let isPlain = isTyped || Scalars.number(result) != nil
        return Node(content: .scalar(result, plain: isPlain), span: node.span)
    }

    /// Why a piece has no text.
    enum Problem {
        /// It is no reference.
        case malformed(Template.Mistake)
        /// Its variable has no value.
        case unknown(Template.Reference)
        /// Its variable is one of the `vars`, and so is the text it stands in.
        case varInVars(Template.Reference)
        /// Its variable's own value is wrong, which is said there.
        case saidElsewhere
    }

    /// The text of a template, why some of it has none, and whether any value was put into it.
    private static func resolve(
        _ template: Template,
        _ variables: inout Variables,
        _ reach: Variables.Reach
    ) -> (text: String, problems: [Problem], isChanged: Bool) {
        var result = ""
        var problems: [Problem] = []
        var isChanged = false
        for piece in template.pieces {
            switch piece {
            case .text(let text): result += text
            case .mistake(let mistake): problems.append(.malformed(mistake))
            case .reference(let reference):
                isChanged = true
                // A text that is far too long grows no further: it is refused anyway.
                guard result.utf8.count <= Budget.scalarBytes else { continue }
                switch (variables.look(reference.name, reach), reference.otherwise) {
                case (.value(let value), .fail): result += value
                case (.value(let value), _) where !value.isEmpty: result += value
                case (.value, .take(let text)), (.unknown, .take(let text)): result += text
                case (.value, .say), (.unknown, .say), (.unknown, .fail):
                    problems.append(.unknown(reference))
                case (.declaredOnly, _): problems.append(.varInVars(reference))
                case (.unreadable, _): problems.append(.saidElsewhere)
                }
            }
        }
        return (result, problems, isChanged)
    }

    /// Puts values into a text.
    ///
    /// - Returns: how many bytes count as added by them; nil where that cannot be done.
    static func resolve(_ text: inout String, from variables: inout Variables, _ reach: Variables.Reach) -> Int? {
        let (result, problems, isChanged) = resolve(Template(text), &variables, reach)
        guard problems.isEmpty, !isChanged || result.utf8.count <= Budget.scalarBytes else { return nil }
        text = result
        return isChanged ? result.utf8.count : 0
    }
}
