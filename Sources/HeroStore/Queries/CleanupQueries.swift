internal import GRDB
public import HeroModel

/// A job that may go, and the action it belongs to.
public struct RemovableJob: Hashable, Sendable {
    /// Its number.
    public var id: JobID
    /// Its action.
    public var action: ActionKey
}

extension StateReader {
    /// The jobs that a rule lets go, the oldest first; with a limit at most so many.
    ///
    /// - Throws: `StoreError`.
    public func removableJobs(_ rule: CleanupRule, limit: Int? = nil) throws -> [RemovableJob] {
        try read { db, stored in
            try Queries.fetchAll(db, Queries.removableJobs(rule, limit: limit)) { row in
                var columns = RowReader(row, stored)
                return RemovableJob(id: try columns.integer(), action: try ActionKey(&columns))
            }
        }
    }

    /// The actions whose specs no job, no recorded service and no standalone action uses; jobs that go too do not count.
    ///
    /// - Throws: `StoreError`.
    public func unusedActions(afterRemoving gone: Set<JobID> = []) throws -> [ActionKey] {
        try read { db, stored in
            let key: (Row) throws -> ActionKey = { row in
                var columns = RowReader(row, stored)
                return try ActionKey(&columns)
            }
            let known = try Queries.fetchAll(db, Queries.Query(sql: Queries.selectKnownActions), key)
            let used = Set(try Queries.fetchAll(db, Queries.Query(sql: Queries.selectUsedActions), key))
            return try known.filter { key in
                try !used.contains(key) && !Queries.hasJobs(db, key, excluding: gone)
            }
        }
    }

    /// The ended jobs of a standalone action besides its newest ones, the newest of them first.
    ///
    /// - Throws: `StoreError`.
    public func endedStandaloneJobs(of name: QualifiedName, exceptNewest kept: Int) throws -> [JobID] {
        try read { db, stored in
            try Queries.fetchAll(db, Queries.endedStandaloneJobs(of: name, exceptNewest: kept)) { row in
                var columns = RowReader(row, stored)
                return try columns.integer()
            }
        }
    }

    /// The names of all actions that ever were part of an applied service or ran by themselves.
    ///
    /// - Throws: `StoreError`.
    public func actionNames() throws -> [String] {
        try read { db, stored in
            try Queries.fetchAll(db, Queries.Query(sql: "SELECT DISTINCT name FROM actions ORDER BY name")) { row in
                var columns = RowReader(row, stored)
                return try columns.text()
            }
        }
    }
}

extension ActionKey {
    fileprivate init(_ columns: inout RowReader) throws {
        let context = try columns.text()
        let service = try columns.optionalText()
        self.init(context: context, service: service, action: try columns.text())
    }
}

extension Queries {
    static let selectKnownActions = """
        SELECT DISTINCT context, service_id, name FROM actions ORDER BY context, service_id, name
        """
    static let selectUsedActions = """
        SELECT services.context, services.name, json_extract(entry.value, '$.name')
        FROM services, json_each(services.spec, '$.actions') AS entry
        UNION ALL SELECT context, NULL, name FROM standalone
        """

    /// Only jobs that have ended go, and such as were never begun and that nobody is left to begin.
    static func removableJobs(_ rule: CleanupRule, limit: Int? = nil) -> Query {
        var conditions: [String] = []
        var values: SQLArguments = []
        for tag in rule.tags {
            conditions.append("jobs.id IN (SELECT job_id FROM job_tags WHERE tag = ?)")
            values.append(tag)
        }
        if let service = rule.service {
            conditions.append("jobs.context = ? AND jobs.service_id = ?")
            values += [service.context, service.name]
        }
        if let action = rule.action {
            conditions.append("jobs.action_id = ?")
            values.append(action)
        }
        if let limit = rule.endedBefore {
            conditions.append("jobs.finished_at < ?")
            values.append(limit.description)
        }
        if !rule.phases.isEmpty {
            conditions.append("+jobs.phase IN (\(rule.phases.map { _ in "?" }.joined(separator: ", ")))")
            values += rule.phases.map(\.rawValue)
        }
        // A job that waits belongs to a run that has been left, or it is somebody's who is on its way up.
        conditions.append(
            """
            (+jobs.phase IN ('succeeded', 'failed', 'cancelled')
                OR (+jobs.phase IN ('pending', 'waiting') AND jobs.service_id IS NOT NULL))
            AND NOT EXISTS (
                SELECT 1 FROM services
                WHERE services.context = jobs.context AND services.name = jobs.service_id
                    AND services.run_id = jobs.run_id AND services.ordered_up <> 0
            )
            """
        )
        // With nothing else to go by, the time of the end is: a plus keeps SQLite from walking through all jobs in order.
        let hasName = !rule.tags.isEmpty || rule.service != nil || rule.action != nil
        return Query(
            sql: """
                SELECT jobs.id, jobs.context, jobs.service_id, jobs.action_id FROM jobs
                WHERE \(conditions.joined(separator: " AND ")) ORDER BY \(hasName ? "" : "+")jobs.id LIMIT ?
                """,
            arguments: values + [limit.map { max(0, $0) } ?? -1]
        )
    }

    static func endedStandaloneJobs(of name: QualifiedName, exceptNewest kept: Int) -> Query {
        // A plus keeps SQLite from walking through the jobs of all standalone actions.
        let sql = """
            SELECT id FROM jobs WHERE action_id = ? AND context = ? AND +service_id IS NULL
                AND +phase IN ('succeeded', 'failed', 'cancelled') ORDER BY id DESC LIMIT -1 OFFSET ?
            """
        return Query(sql: sql, arguments: [name.name, name.context, max(0, kept)])
    }

    /// Whether an action has a job that is not among those that go.
    fileprivate static func hasJobs(_ db: Database, _ key: ActionKey, excluding gone: Set<JobID>) throws -> Bool {
        let sql = "SELECT id FROM jobs WHERE action_id = ? AND service_id IS ? AND context = ?"
        let ids = try Int64.fetchCursor(
            try db.cachedStatement(sql: sql),
            arguments: StatementArguments([key.action, key.service, key.context] as SQLArguments)
        )
        while let id = try ids.next() {
            if !gone.contains(id) { return true }
        }
        return false
    }
}
