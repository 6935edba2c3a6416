import HeroModel

/// The capabilities of the output: colors and width.
public struct OutputStyle: Hashable, Sendable {
    /// Whether colors are supported and wanted.
    public var isColored: Bool
    /// The columns of the terminal; nil without one, so that nothing is cut.
    public var width: Int?

    /// Creates a style; the default is that of a file or a pipe.
    public init(isColored: Bool = false, width: Int? = nil) {
        self.isColored = isColored
        self.width = width
    }

    /// No colors, no limit.
    public static let plain = OutputStyle()

    /// The text in a style; unchanged without colors, or if it is empty.
    public func paint(_ text: String, _ style: TextStyle?) -> String {
        guard isColored, let style, !text.isEmpty else { return text }
        return "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m"
    }

    /// The column at which lists of names are wrapped.
    var wrapWidth: Int { max(40, width ?? 120) }
}

/// A color or weight: the SGR parameter of ECMA-48.
public enum TextStyle: Int, Hashable, Sendable {
    /// Strong.
    case bold = 1
    /// Weak.
    case dim = 2
    /// Stops and errors.
    case red = 31
    /// Starts and healthy states.
    case green = 32
    /// Restarts and pending retries.
    case yellow = 33
    /// One of the colors of names.
    case blue = 34
    /// Blocked services.
    case magenta = 35
    /// Updates in place and transitions.
    case cyan = 36
}

extension ServiceState {
    /// The style of its name.
    var textStyle: TextStyle {
        switch self {
        case .running, .exited: .green
        case .stopped: .dim
        case .blocked: .magenta
        case .starting, .stopping: .cyan
        case .degraded, .backingOff: .yellow
        case .failed: .red
        }
    }
}

extension JobPhase {
    /// The style of its name.
    var textStyle: TextStyle {
        switch self {
        case .running, .succeeded: .green
        case .pending, .cancelled: .dim
        case .waiting: .cyan
        case .retrying: .yellow
        case .failed: .red
        }
    }
}

extension Diagnostic.Severity {
    /// The style of its name.
    var textStyle: TextStyle {
        switch self {
        case .error: .red
        case .warning: .yellow
        }
    }
}

/// `1 service`, `2 services`.
func counted(_ number: Int, _ noun: String, _ plural: String? = nil) -> String {
    number == 1 ? "1 \(noun)" : "\(number) \(plural ?? noun + "s")"
}
