internal import GRDB
public import HeroModel

/// A job that a cleanup may remove, and its action.
public struct RemovableJob: Hashable, Sendable {
    /// The number of the job.
    public var id: JobID
    /// The action of the job.
    public var action: ActionKey
}

extension StateReader {
    /// The jobs that a rule selects, oldest first; at most `limit`.
    ///
    /// - Throws: `StoreError`.
    public func removableJobs(_ rule: CleanupRule, limit: Int? = nil) throws -> [RemovableJob] {
        try read { db, codec in
            try Queries.fetchAll(db, Queries.removableJobs(rule, limit: limit)) { row in
                var reader = RowReader(row, codec)
                return RemovableJob(id: try reader.integer(), action: try ActionKey(&reader))
            }
        }
    }

    /// The actions whose specs no job, recorded service or standalone action uses, assuming that the given jobs are
    /// removed.
    ///
    /// - Throws: `StoreError`.
    public func unusedActions(afterRemoving removedJobs: Set<JobID> = []) throws -> [ActionKey] {
        try read { db, codec in
            let key: (Row) throws -> ActionKey = { row in
                var reader = RowReader(row, codec)
                return try ActionKey(&reader)
            }
            let known = try Queries.fetchAll(db, Queries.Query(sql: Queries.selectKnownActions), key)
            let used = Set(try Queries.fetchAll(db, Queries.Query(sql: Queries.selectUsedActions), key))
            return try known.filter { key in
                try !used.contains(key) && !Queries.hasJobs(db, key, excluding: removedJobs)
            }
        }
    }

    /// The ended jobs of a standalone action except its newest ones, newest first.
    ///
    /// - Throws: `StoreError`.
    public func endedStandaloneJobs(of name: QualifiedName, exceptNewest keptCount: Int) throws -> [JobID] {
        try read { db, codec in
            try Queries.fetchAll(db, Queries.endedStandaloneJobs(of: name, exceptNewest: keptCount)) { row in
                var reader = RowReader(row, codec)
                return try reader.integer()
            }
        }
    }

    /// The names of all actions that were ever part of an applied service or ran standalone.
    ///
    /// - Throws: `StoreError`.
    public func actionNames() throws -> [String] {
        try read { db, codec in
            try Queries.fetchAll(db, Queries.Query(sql: "SELECT DISTINCT name FROM actions ORDER BY name")) { row in
                var reader = RowReader(row, codec)
                return try reader.text()
            }
        }
    }
}

extension ActionKey {
    fileprivate init(_ reader: inout RowReader) throws {
        let context = try reader.text()
        let service = try reader.optionalText()
        self.init(context: context, service: service, action: try reader.text())
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

    /// Selects ended jobs, and jobs that never started and that no requested run will start.
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
        // A pending job belongs to an abandoned run, or to a service that is starting.
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
        // Without a name to search for, the index on the end time is used: a plus prevents SQLite from scanning all
        // jobs in order.
        let hasName = !rule.tags.isEmpty || rule.service != nil || rule.action != nil
        return Query(
            sql: """
                SELECT jobs.id, jobs.context, jobs.service_id, jobs.action_id FROM jobs
                WHERE \(conditions.joined(separator: " AND ")) ORDER BY \(hasName ? "" : "+")jobs.id LIMIT ?
                """,
            arguments: values + [limit.map { max(0, $0) } ?? -1]
        )
    }

    static func endedStandaloneJobs(of name: QualifiedName, exceptNewest keptCount: Int) -> Query {
        // A plus prevents SQLite from scanning the jobs of all standalone actions.
        let sql = """
            SELECT id FROM jobs WHERE action_id = ? AND context = ? AND +service_id IS NULL
                AND +phase IN ('succeeded', 'failed', 'cancelled') ORDER BY id DESC LIMIT -1 OFFSET ?
            """
        return Query(sql: sql, arguments: [name.name, name.context, max(0, keptCount)])
    }

    /// Whether an action has a job besides the given ones.
    fileprivate static func hasJobs(_ db: Database, _ key: ActionKey, excluding removedJobs: Set<JobID>) throws -> Bool
    {
        let sql = "SELECT id FROM jobs WHERE action_id = ? AND service_id IS ? AND context = ?"
        let ids = try Int64.fetchCursor(
            try db.cachedStatement(sql: sql),
            arguments: StatementArguments([key.action, key.service, key.context] as SQLArguments)
        )
        while let id = try ids.next() {
            if !removedJobs.contains(id) { return true }
        }
        return false
    }
}
