/// All values of one run, by column and figure.
struct Measurements {
    /// A column of the table.
    enum Column: Hashable {
        case bareLoop
        case contender(Contender)
    }

    private var values: [Column: [Figure: Double]] = [:]
    /// Notes below the table.
    var notes: [String] = []

    subscript(_ figure: Figure, _ column: Column) -> Double? {
        get { values[column]?[figure] }
        set { values[column, default: [:]][figure] = newValue }
    }

    subscript(_ figure: Figure, _ contender: Contender) -> Double? {
        get { self[figure, .contender(contender)] }
        set { self[figure, .contender(contender)] = newValue }
    }

    /// The columns that have values, in order.
    var columns: [Column] {
        ([.bareLoop] + Contender.allCases.map { .contender($0) }).filter { values[$0] != nil }
    }
}

extension [Double] {
    /// The value below which this part of the values lies.
    func percentile(_ part: Double) -> Double? {
        isEmpty ? nil : sorted()[Swift.min(count - 1, Int(Double(count) * part))]
    }

    /// The median.
    var median: Double? { percentile(0.5) }
}
