from jinja2.runtime import LoopContext, Macro, Markup, Namespace, TemplateNotFound, TemplateReference, TemplateRuntimeError, Undefined, escape, identity, internalcode, markup_join, missing, str_join
name = 'keepachangelog'

def root(context, missing=missing):
    resolve = context.resolve_or_missing
    undefined = environment.undefined
    concat = environment.concat
    cond_expr_undefined = Undefined
    if 0: yield None
    l_0_notes = resolve('notes')
    l_0_added = l_0_changed = l_0_groups = missing
    try:
        t_1 = environment.filters['_counted']
    except KeyError:
        @internalcode
        def t_1(*unused):
            raise TemplateRuntimeError("No filter named '_counted' found.")
    try:
        t_2 = environment.filters['changes']
    except KeyError:
        @internalcode
        def t_2(*unused):
            raise TemplateRuntimeError("No filter named 'changes' found.")
    pass
    yield '## ['
    yield str(environment.finalize((environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'version') or 'Unreleased')))
    yield ']'
    if (environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'released_on') and environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'version')):
        pass
        yield ' - '
        yield str(environment.finalize(environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'released_on')))
    yield '\n'
    l_0_added = t_2(environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'features'))
    context.vars['added'] = l_0_added
    context.exported_vars.add('added')
    l_0_changed = t_2([environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'breaking_by_hand'), environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'performance'), environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'improvements'), environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'dependencies'), environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'breaking_documentation'), environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'other'), environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'unconventional')])
    context.vars['changed'] = l_0_changed
    context.exported_vars.add('changed')
    l_0_groups = [('Added', (undefined(name='added') if l_0_added is missing else l_0_added)), ('Changed', (undefined(name='changed') if l_0_changed is missing else l_0_changed)), ('Deprecated', t_2(environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'deprecations'))), ('Removed', t_2(environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'removed'))), ('Fixed', t_2(environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'fixes'))), ('Security', t_2(environment.getattr((undefined(name='notes') if l_0_notes is missing else l_0_notes), 'security')))]
    context.vars['groups'] = l_0_groups
    context.exported_vars.add('groups')
    def t_3(fiter):
        for (l_1_title, l_1_told) in fiter:
            if l_1_told:
                yield (l_1_title, l_1_told)
    t_4 = 1
    for (l_1_title, l_1_told) in t_3(t_1((undefined(name='groups') if l_0_groups is missing else l_0_groups))):
        _loop_vars = {}
        pass
        yield '\n### '
        yield str(environment.finalize(l_1_title))
        yield '\n\n'
        yield str(environment.finalize(l_1_told))
        yield '\n'
        t_4 = 0
    l_1_title = l_1_told = missing
    if t_4:
        pass
        yield '\nNothing that users notice.\n'

blocks = {}
debug_info = '2=26&4=33&5=36&6=39&7=42&9=51&11=53'
