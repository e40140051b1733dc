# ESMEs with Perl's Net::SMPP, driven by JSON lines as npm_smpp.js is.
use strict;
use warnings;
use IO::Select;
use JSON::PP;
use Net::SMPP;

$| = 1;
my $json = JSON::PP->new->canonical;
my ( %on, %smpp, %asked, $stdin );
my $select = IO::Select->new( \*STDIN );
my %name = map { my $n = $_; no strict 'refs'; ( &{"Net::SMPP::CMD_$n"}() => $n ) }
  qw(bind_transceiver bind_receiver bind_transmitter unbind submit_sm submit_multi deliver_sm data_sm query_sm cancel_sm
  replace_sm enquire_link bind_transceiver_resp bind_receiver_resp bind_transmitter_resp unbind_resp submit_sm_resp
  submit_multi_resp deliver_sm_resp data_sm_resp query_sm_resp cancel_sm_resp replace_sm_resp enquire_link_resp
  generic_nack alert_notification);
my %numeric = map { $_ => 1 } qw(command_id command_status sequence_number source_addr_ton source_addr_npi dest_addr_ton
  dest_addr_npi esm_class protocol_id priority_flag registered_delivery replace_if_present_flag data_coding
  sm_default_msg_id message_state error_code interface_version no_unsuccess error_status_code);

sub tell_it { print $json->encode( {@_} ), "\n" }

sub outward {
    my ( $key, $value ) = @_;
    return [ map { outward( $key, $_ ) } @$value ] if ref $value eq 'ARRAY';
    return 0 + $value if $numeric{$key} && $value =~ /^\d+$/;
    return { hex => unpack 'H*', $value } if $key =~ /^(short_message|sc_interface_version)$/ || $value =~ /[^\x20-\x7e]/;
    return "$value";
}

sub inward {
    my ($value) = @_;
    return [ map { inward($_) } @$value ] if ref $value eq 'ARRAY';
    return ref $value eq 'HASH' ? pack 'H*', $value->{hex} : $value;
}

sub read_one {
    my ($socket) = @_;
    my $on  = $on{$socket};
    my $pdu = $socket->read_pdu;
    if ( !$pdu ) {
        $select->remove($socket);
        close $socket;
        tell_it( told => 'closed', on => $on );
        return;
    }
    my %known = ( %$pdu, command_id => $pdu->{cmd}, command_status => $pdu->{status}, sequence_number => $pdu->{seq} );
    delete @known{qw(cmd status seq data known_pdu reserved num_unsuccess num_dests)};
    my %told = map { $_ => outward( $_, $known{$_} ) } grep { defined $known{$_} } keys %known;
    my $command = $told{command} = $name{ $pdu->{cmd} } // 'unknown';
    my $id      = delete $asked{$on}{ $pdu->{seq} } if $pdu->{cmd} & 0x80000000;
    return tell_it( told => 'response', on => $on, id => $id, pdu => \%told ) if defined $id;
    tell_it( told => 'pdu', on => $on, pdu => \%told );
    $socket->deliver_sm_resp( seq => $pdu->{seq}, message_id => '' ) if $command eq 'deliver_sm';
    $socket->enquire_link_resp( seq => $pdu->{seq} ) if $command eq 'enquire_link';
    $socket->unbind_resp( seq => $pdu->{seq} ) if $command eq 'unbind';
}

sub obey {
    my ($command) = @_;
    my ( $do, $on ) = @$command{qw(do on)};
    if ( $do eq 'connect' ) {
        my $socket = Net::SMPP->new_connect( '127.0.0.1', port => $command->{port}, async => 1 ) or die "connect: $!";
        ( $smpp{$on}, $on{$socket} ) = ( $socket, $on );
        $select->add($socket);
        tell_it( told => 'connected', on => $on );
    }
    elsif ( $do eq 'request' ) {
        my ( $method, $fields ) = @$command{qw(command fields)};
        my $seq = $smpp{$on}->$method( async => 1, map { $_ => inward( $fields->{$_} ) } sort keys %$fields );
        $asked{$on}{$seq} = $command->{id};
    }
    elsif ( $do eq 'write' ) { syswrite $smpp{$on}, pack 'H*', $command->{octets} }
    elsif ( $do eq 'close' && $smpp{$on} ) {
        $select->remove( $smpp{$on} );
        close delete $smpp{$on};
    }
}

# STDIN is read unbuffered: select() knows nothing of lines that Perl has read ahead.
my $buffer = '';
while (1) {
    for my $ready ( $select->can_read ) {
        if ( $ready == \*STDIN ) {
            sysread( STDIN, $buffer, 65536, length $buffer ) or exit 0;
            while ( $buffer =~ s/^(.*)\n// ) { obey( $json->decode($1) ) }
        }
        else { read_one($ready) }
    }
}
